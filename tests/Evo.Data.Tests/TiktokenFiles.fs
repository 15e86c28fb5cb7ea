/// tiktoken files: real vocabularies, their published ids, and another reader's.
module Evo.Data.Tests.TiktokenFiles

open System
open System.IO
open System.Text
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch
open Evo.Data.Tests.Vocabularies

let private opened name =
    new TiktokenTokenizer($"{name}.tiktoken", ReadOnlySpan(tiktoken name))

[<Theory>]
[<InlineData("gpt2", "hello world", "31373,995", 50257)>]
[<InlineData("cl100k_base", "hello world", "15339,1917", 100277)>]
[<InlineData("cl100k_base", "This is a test sentence.", "2028,374,264,1296,11914,13", 100277)>]
[<InlineData("o200k_base", "hello world", "24912,2375", 200019)>]
let ``published ids`` (name: string) (text: string) (ids: string) (size: int) =
    use tokenizer = opened name
    Assert.Equal(ids, String.Join(",", tokenizer.EncodeToIds text))
    Assert.Equal(text, tokenizer.Decode(tokenizer.EncodeToIds text))
    Assert.Equal(size, tokenizer.VocabSize)

[<Theory>]
[<InlineData "gpt2">]
[<InlineData "cl100k_base">]
[<InlineData "o200k_base">]
let ``ids are those of another reader`` (name: string) =
    use tokenizer = opened name

    let other =
        if name = "gpt2" then
            Microsoft.ML.Tokenizers.TiktokenTokenizer.CreateForModel name
        else
            Microsoft.ML.Tokenizers.TiktokenTokenizer.CreateForEncoding name

    // It takes halves of characters beyond U+FFFF for characters, and knows no long s: there the two must differ.
    let comparable (text: string) =
        not (Seq.exists Char.IsSurrogate text || text.Contains '\u017F')

    let law (text: string) =
        if comparable text then
            Assert.Equal<int>(other.EncodeToIds text, tokenizer.EncodeToIds text)

        let ids = tokenizer.EncodeToIds text
        Assert.Equal(text, tokenizer.Decode ids)

    Check.One(cases 1000, Prop.forAll (Arb.fromGen corners) law)

[<Fact>]
let ``a tiktoken file and the tokenizer.json made of it have the same ids`` () =
    use tokenizer =
        new TiktokenTokenizer("x", ReadOnlySpan(tiktoken "cl100k_base"), "llama3")

    let model = model "cl100k_base"
    model["ignore_merges"] <- System.Text.Json.Nodes.JsonValue.Create true

    use json =
        HuggingFaceTokenizer.Parse(
            "x",
            file [ "model", model; "pre_tokenizer", byPattern KnownPattern.Llama3 ]
        )

    let law (text: string) =
        Assert.Equal<int>(json.EncodeToIds text, tokenizer.EncodeToIds text)

    Check.One(cases 500, Prop.forAll (Arb.fromGen corners) law)

/// A small file of that many ranks: all bytes, then words.
let private small =
    String.concat
        "\n"
        [
            for i, token in
                List.indexed (
                    [ for value in 0..255 -> [| byte value |] ]
                    @ [
                        for word in [ "he"; "ll"; "hell"; "hello"; " w"; "or" ] -> Encoding.UTF8.GetBytes word
                    ]
                ) -> $"{Convert.ToBase64String token} {i}"
        ]
    + "\n"

[<Fact>]
let ``marks have the ids of their family, and are text unless asked for`` () =
    let open' encoding =
        new TiktokenTokenizer("x", ReadOnlySpan(Encoding.UTF8.GetBytes small), encoding)

    use llama = open' "llama3"
    Assert.Equal((Nullable 262, Nullable 263, 262 + 256), (llama.BosId, llama.EosId, llama.VocabSize))
    Assert.Equal(Nullable(262 + 9), llama.PieceToId "<|eot_id|>")
    Assert.Equal(Nullable(262 + 255), llama.PieceToId "<|reserved_special_token_250|>")
    let text = "hello<|eot_id|>"
    Assert.DoesNotContain(271, llama.EncodeToIds text)
    Assert.Equal<int list>([ 259; 271 ], List.ofSeq (llama.EncodeToIds(text, EncodeMode.ParseSpecial)))
    Assert.Equal<int list>([ 262; 259 ], List.ofSeq (llama.EncodeToIds("hello", EncodeMode.AddSpecial)))
    Assert.Equal("hello", llama.Decode [ 262; 259; 271 ])
    Assert.Equal("hello<|eot_id|>", llama.Decode([ 259; 271 ], true))
    use qwen = open' "qwen"
    Assert.Equal((Nullable 263, 262 + 208), (qwen.PieceToId "<|im_start|>", qwen.VocabSize))
    Assert.Equal<int>(qwen.EncodeToIds "\u00E9", qwen.EncodeToIds "e\u0301")

[<Fact>]
let ``what is no tiktoken file, or of no known encoding, is refused`` () =
    let read (name: string) (text: string) =
        new TiktokenTokenizer(name, ReadOnlySpan(Encoding.UTF8.GetBytes text), null)

    refused "odd.tiktoken" "cl100k_base" (fun () -> read "odd.tiktoken" small)
    refused "qwen.tiktoken:3" "base64" (fun () -> read "qwen.tiktoken" (small.Replace("Ag== 2", "Ag=! 2")))

    refused "qwen.tiktoken:4" "the rank 2 a second time" (fun () ->
        read "qwen.tiktoken" (small.Replace("Aw== 3", "Aw== 2")))

    refused "qwen.tiktoken:4" "a token a second time" (fun () ->
        read "qwen.tiktoken" (small.Replace("Aw== 3", "Ag== 3")))

    refused "qwen.tiktoken" "byte 0x03" (fun () -> read "qwen.tiktoken" (small.Replace("Aw== 3\n", "")))

    refused "gpt2.tiktoken" "<|endoftext|>" (fun () ->
        read "gpt2.tiktoken" (small.Replace("Aw== 3\n", "Aw== 50256\n")))

    refused "nowhere" "no such file" (fun () ->
        TiktokenTokenizer.Load(Path.Combine("nowhere", "qwen.tiktoken"), null))

[<Fact>]
let ``no altered file crashes the reader`` () =
    let whole = Encoding.UTF8.GetBytes small

    let law (changes: (int * int) list, cut: int) =
        let bytes = Array.copy whole

        for at, value in changes do
            bytes[at % bytes.Length] <- byte value

        let bytes = bytes[.. min cut bytes.Length - 1]

        orderly "qwen.tiktoken" (fun () ->
            use tokenizer = new TiktokenTokenizer("qwen.tiktoken", ReadOnlySpan bytes)
            tokenizer.EncodeToIds "hello 🦊" |> ignore)

    let alterations =
        Gen.zip
            (Gen.resize 4 (Gen.listOf (Gen.zip (Gen.choose (0, whole.Length - 1)) (Gen.choose (0, 255)))))
            (Gen.frequency [ 5, Gen.constant whole.Length; 1, Gen.choose (0, whole.Length) ])

    Check.One(cases 5000, Prop.forAll (Arb.fromGen alterations) law)
