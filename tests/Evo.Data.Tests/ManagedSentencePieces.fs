/// The encoder of our own for sentencepiece BPE models: the library's ids on everything.
module Evo.Data.Tests.ManagedSentencePieces

open System
open System.Collections.Generic
open System.IO
open System.Text
open System.Threading
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

let private lines =
    [
        for i in 1..300 ->
            $"the quick  brown fox {i} jumps; over lazy dogs 今天天气 {i * i}\twhile naïve wizards sing: ─ éa été <|end|> {i % 7}{i % 3}"
    ]

let private model (options: SentencePieceOptions) =
    let mutable count = 0L
    SentencePieceTrainer.Train(options, lines, "m", null, CancellationToken.None, &count)

/// Texts of any bytes: Unicode, words and marks of the models, and bytes that are no UTF-8.
let private bytes: Gen<byte[]> =
    let words =
        [
            "the"
            " quick"
            "  "
            "\u2581"
            "\u2581the"
            "今天"
            "天气"
            "<|end|>"
            "<|en"
            "a\u0301"
            "</s>"
            "<s>"
            "<unk>"
            "<0x41>"
            "\n"
            "[UNUSED_TOKEN_3]"
            "——"
            "1234"
            "    "
            "\uFFFD"
            "\u0000"
            "🦊"
            "jumps over"
            "zzz"
        ]
        |> List.map Encoding.UTF8.GetBytes

    let part =
        Gen.frequency
            [
                6, Gen.elements words
                3, text |> Gen.map Encoding.UTF8.GetBytes
                1,
                Gen.listOf (Gen.choose (0, 255))
                |> Gen.map (fun values -> [| for value in values -> byte value |])
            ]

    Gen.listOf part |> Gen.map Array.concat

let private ids (encode: TokenBuffer -> unit) =
    let tokens = TokenBuffer false
    encode tokens
    tokens.Ids.ToArray()

let private agrees (tokenizer: SentencePieceTokenizer) (text: byte[]) =
    let ours = Buffers.ArrayBufferWriter<int>()
    tokenizer.EncodeUtf8(ReadOnlySpan text, ours)

    let library =
        ids (fun tokens -> tokenizer.EncodeByLibrary(ReadOnlySpan text, tokens))

    if ours.WrittenSpan.ToArray() <> library then
        Assert.Fail $"{Convert.ToHexString text}: %A{ours.WrittenSpan.ToArray()} but the library %A{library}"

    true

let private models: (string * (unit -> SentencePieceTokenizer)) list =
    let trained options =
        fun () -> new SentencePieceTokenizer("m", ReadOnlySpan(model options))

    [
        "byte pieces", trained (SentencePieceOptions(VocabSize = 420, CharacterCoverage = 0.98))
        "a space before",
        trained (SentencePieceOptions(VocabSize = 420, CharacterCoverage = 0.98, AddDummyPrefix = true))
        "an unknown token",
        trained (SentencePieceOptions(VocabSize = 160, CharacterCoverage = 0.98, ByteFallback = false))
        "user-defined pieces",
        trained (
            SentencePieceOptions(
                VocabSize = 420,
                CharacterCoverage = 1.0,
                UserDefined = [| "<|end|>"; "<|"; "the"; " th"; "\u2581qu"; "天"; "  " |]
            )
        )
    ]

[<Fact>]
let ``on any bytes it gives the library's ids, for trained models of each kind`` () =
    for name, load in models do
        use tokenizer = load ()
        Assert.True(isNull tokenizer.Hindrance, name)
        Check.One(cases 500, Prop.forAll (Arb.fromGen bytes) (agrees tokenizer))

[<Theory>]
[<InlineData("tokenizer_internlm.model")>]
[<InlineData("tokenizer_internlm2.model")>]
let ``on any bytes it gives the library's ids, for InternLM's models`` (file: string) =
    use tokenizer = SentencePieceTokenizer.Load(testData file)
    Assert.Null tokenizer.Hindrance
    Check.One(cases 500, Prop.forAll (Arb.fromGen bytes) (agrees tokenizer))

    for pieces in 1..40 do // texts made of the model's own pieces, where merges meet
        let random = Random pieces

        let text =
            String.Join("", [ for _ in 1..200 -> tokenizer.IdToPiece(random.Next tokenizer.VocabSize) ])

        agrees tokenizer (Encoding.UTF8.GetBytes text) |> ignore

[<Theory>]
[<InlineData("tokenizer_internlm.model")>]
[<InlineData("tokenizer_internlm2.model")>]
let ``a book in one piece and line by line has the library's ids`` (file: string) =
    use tokenizer = SentencePieceTokenizer.Load(testData file)
    let book = File.ReadAllBytes(testData "tinyshakespeare.txt")
    agrees tokenizer book |> ignore

    for line in File.ReadLines(testData "tinyshakespeare.txt") do
        agrees tokenizer (Encoding.UTF8.GetBytes line) |> ignore

[<Fact>]
let ``long runs without a place to cut take no time that grows with their square`` () =
    use tokenizer = (snd models[0]) ()

    for run in [ String(' ', 200_000); String('e', 200_000); String.replicate 50_000 "th e" ] do
        agrees tokenizer (Encoding.UTF8.GetBytes run) |> ignore

[<Fact>]
let ``models that it does not know are the library's, and said so`` () =
    let mutable count = 0L

    let unigram =
        SentencePieceTrainer.Train(
            SentencePieceOptions(VocabSize = 400, Algorithm = "unigram"),
            lines,
            "m",
            null,
            CancellationToken.None,
            &count
        )

    use tokenizer = new SentencePieceTokenizer("m", ReadOnlySpan unigram)
    Assert.Equal("it is no BPE model", tokenizer.Hindrance)
    agrees tokenizer (Encoding.UTF8.GetBytes "the fox 🦊") |> ignore

/// The spans of the tokens of a text.
let private spans (encode: TokenBuffer -> unit) =
    let tokens = TokenBuffer true
    encode tokens
    tokens.Spans.ToArray()

[<Fact>]
let ``tokens cover the text in order, and byte pieces aside where the library says`` () =
    for name, load in models do
        use tokenizer = load ()

        let law (text: byte[]) =
            let ours = Buffers.ArrayBufferWriter<TokenSpan>()
            tokenizer.EncodeUtf8(ReadOnlySpan text, ours)
            let ours = ours.WrittenSpan.ToArray()

            let library =
                spans (fun tokens -> tokenizer.EncodeByLibrary(ReadOnlySpan text, tokens))

            let comparable (tokens: TokenSpan[]) =
                tokens
                |> Array.filter (fun token -> tokenizer.IdToType token.Id <> PieceType.Byte)

            // The library takes all of a user-defined piece for its first byte, ours are exact there.
            if name <> "user-defined pieces" then
                Assert.Equal<TokenSpan>(comparable library, comparable ours)

            let mutable last = 0

            for token in ours do
                Assert.True(token.Start = last && token.End >= token.Start, name)
                last <- token.End

            last = text.Length

        Check.One(cases 200, Prop.forAll (Arb.fromGen bytes) law)

let private part (text: string) (token: EncodedToken) =
    let struct (start, length) = token.Offset.GetOffsetAndLength text.Length
    text.Substring(start, length)

[<Fact>]
let ``a token's characters are those it stands for, in UTF-16`` () =
    use tokenizer = (snd models[0]) ()
    let text = "the 🦊 naïve \uD800 天"
    let tokens = tokenizer.EncodeToTokens text

    for token in tokens do
        if tokenizer.IdToType token.Id = PieceType.Normal then
            Assert.Equal(token.Value.Replace('\u2581', ' '), part text token)

    let fox = tokens |> Seq.filter (fun token -> part text token = "🦊")
    Assert.Equal(4, Seq.length fox)
    Assert.Equal(text.Length, (Seq.last tokens).Offset.End.Value)

[<Fact>]
let ``control pieces in text become marks only when asked, and are shown only when asked`` () =
    use tokenizer = (snd models[0]) ()
    let text = "the<s>fox</s>"
    let plain = tokenizer.EncodeToIds text
    Assert.DoesNotContain(plain, (fun id -> id = 1 || id = 2))
    let parsed = tokenizer.EncodeToIds(text, EncodeMode.ParseSpecial)
    Assert.Equal<int list>([ 1; 2 ], parsed |> Seq.filter (fun id -> id < 3) |> List.ofSeq)
    Assert.Equal("thefox", tokenizer.Decode parsed)
    Assert.Equal(text, tokenizer.Decode(parsed, true))

    let mark =
        tokenizer.EncodeToTokens(text, EncodeMode.ParseSpecial)
        |> Seq.find (fun token -> token.Id = 2)

    Assert.Equal("</s>", part text mark)
