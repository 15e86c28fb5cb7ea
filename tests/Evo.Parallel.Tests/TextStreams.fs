/// Text that comes out token by token.
module Evo.Parallel.Tests.TextStreams

open System
open System.Text
open Evo.Parallel
open FsCheck
open FsCheck.FSharp
open Xunit

/// A vocabulary of all bytes (ids 0 to 255), of words that begin with a space (256 to 259), and a control token (260) without text.
/// The first space of a text is dropped, as sentencepiece does.
let private decode (ids: int seq) =
    let bytes = ResizeArray<byte>()

    for id in ids do
        if id < 256 then
            bytes.Add(byte id)
        elif id < 260 then
            bytes.AddRange(Encoding.UTF8.GetBytes([| " a"; " né"; " "; " 😀x" |][id - 256]))

    let text = Encoding.UTF8.GetString(bytes.ToArray())
    if text.StartsWith ' ' then text.Substring 1 else text

let private streamed prompt ids =
    let stream = TextStream(fun ids -> decode ids)
    stream.Prime prompt
    let pieces = [ for id in ids -> stream.Add id ]
    pieces @ [ stream.Finish() ]

let private bytesOf (text: string) =
    [ for b in Encoding.UTF8.GetBytes text -> int b ]

let private tokens =
    Gen.oneof
        [
            Gen.choose (256, 260) |> Gen.map List.singleton
            Gen.elements [ "é"; "日"; "😀"; "x"; " " ] |> Gen.map bytesOf
        ]
    |> Gen.listOf
    |> Gen.map List.concat

[<Fact>]
let ``the pieces joined are the text of all tokens`` () =
    let two = Arb.fromGen (Gen.zip tokens tokens)

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 300,
        Prop.forAll two (fun (prompt, ids) ->
            decode prompt + String.concat "" (streamed prompt ids) = decode (prompt @ ids))
    )

[<Fact>]
let ``no piece ends inside a character`` () =
    Check.One(
        Config.QuickThrowOnFailure,
        Prop.forAll (Arb.fromGen tokens) (fun ids ->
            streamed [] ids |> List.forall (fun piece -> not (piece.Contains '\uFFFD')))
    )

[<Fact>]
let ``a character of four bytes comes out with its last byte`` () =
    Assert.Equal<string list>([ ""; ""; ""; "😀"; "x"; "" ], streamed [] (bytesOf "😀x"))

[<Fact>]
let ``a word's space is written when the word follows others`` () =
    Assert.Equal<string list>([ "a"; " a"; "" ], streamed [] [ 256; 256 ])
    Assert.Equal<string list>([ " a"; "" ], streamed [ 257 ] [ 256 ])

[<Fact>]
let ``what is cut off in the middle of a character is shown as such at the end`` () =
    Assert.Equal<string list>([ "x"; ""; "\uFFFD" ], streamed [] [ int 'x'; 0xE6 ])
