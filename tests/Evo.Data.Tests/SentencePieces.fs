/// sentencepiece: the library's ids, the library's trainer, and no way for a bad model to do harm.
module Evo.Data.Tests.SentencePieces

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

let private words =
    "the quick brown fox jumps over lazy dogs while seven wizards quietly box vexing journals".Split ' '

/// Lines of made-up prose, the same every time.
let private prose lines =
    let random = Random 7

    [
        for _ in 1..lines ->
            String.Join(' ', [ for _ in 1 .. random.Next(4, 12) -> words[random.Next words.Length] ])
            + $" {random.Next 1000}."
    ]

let private small =
    lazy
        (let mutable lines = 0L

         SentencePieceTrainer.Train(
             SentencePieceOptions(VocabSize = 350, CharacterCoverage = 1.0),
             prose 400,
             "small",
             null,
             CancellationToken.None,
             &lines
         ))

let smallTokenizer () =
    new SentencePieceTokenizer("small", ReadOnlySpan(small.Force()))

[<Theory>]
[<InlineData("tokenizer_internlm.model", 103168, "67577,69095,63010,61770,67783,69301,74732")>]
[<InlineData("tokenizer_internlm2.model", 92544, "68428,69946,63056,61793,68634,70152,75583")>]
let ``InternLM's models give the ids that InternEvo documents`` (file: string) (size: int) (ids: string) =
    use tokenizer = SentencePieceTokenizer.Load(testData file)
    Assert.Equal(size, tokenizer.VocabSize)
    let text = "今天天气晴朗适合出门散步"
    Assert.Equal(ids, String.Join(",", tokenizer.EncodeToIds text))
    Assert.Equal(text, tokenizer.Decode(tokenizer.EncodeToIds text))

    Assert.Equal(
        (Nullable 1, Nullable 2, Nullable 0, Nullable()),
        (tokenizer.BosId, tokenizer.EosId, tokenizer.UnkId, tokenizer.PadId)
    )

    Assert.Equal(
        ("bpe", true, false),
        (tokenizer.Algorithm, tokenizer.ByteFallback, tokenizer.AddsDummyPrefix)
    )

    Assert.Equal(("<s>", PieceType.Control), (tokenizer.IdToPiece 1, tokenizer.IdToType 1))
    Assert.Equal(("<0x0A>", PieceType.Byte), (tokenizer.IdToPiece 13, tokenizer.IdToType 13))

[<Fact>]
let ``InternLM's own end of turn is a user-defined piece, looked up by its name`` () =
    use tokenizer = SentencePieceTokenizer.Load(testData "tokenizer_internlm.model")

    Assert.Equal(
        (Nullable 103027, Nullable 103028),
        (tokenizer.PieceToId "<eoh>", tokenizer.PieceToId "<eoa>")
    )

    Assert.Equal(PieceType.UserDefined, tokenizer.IdToType 103027)
    Assert.Equal(Nullable(), tokenizer.PieceToId "no such piece")

[<Fact>]
let ``with byte pieces every text survives a round trip`` () =
    use tokenizer = smallTokenizer ()

    let law (text: string) =
        let text = text.Replace('\u2581', ' ') // sentencepiece's own mark for a space comes back as a space
        let ids = tokenizer.EncodeToIds text

        tokenizer.Decode ids = text
        && ids |> Seq.forall (fun id -> id > 2 && id < tokenizer.VocabSize)
        && tokenizer.CountTokens text = ids.Count

    Check.One(cases 500, Prop.forAll (Arb.fromGen text) law)
    Assert.True(law "日本語 🦊 \t\n  two  spaces ")

[<Fact>]
let ``marks in the text are text, never control tokens`` () =
    use tokenizer = smallTokenizer ()
    let ids = tokenizer.EncodeToIds "<s></s><unk>"
    Assert.DoesNotContain(ids, (fun id -> tokenizer.IdToType id = PieceType.Control))
    Assert.Equal("<s></s><unk>", tokenizer.Decode ids)

[<Fact>]
let ``an id outside the vocabulary is an argument error that says what ids there are`` () =
    use tokenizer = smallTokenizer ()

    for id in [ -1; tokenizer.VocabSize; Int32.MaxValue ] do
        let error =
            Assert.Throws<ArgumentOutOfRangeException>(fun () -> tokenizer.Decode [ 5; id ] |> ignore)

        Assert.Contains($"ids are 0 to {tokenizer.VocabSize - 1}", error.Message)

[<Fact>]
let ``the same text and options give the same file`` () =
    inFolder (fun folder ->
        let train name options =
            File.ReadAllBytes(SentencePieceTrainer.Train(options, prose 300, Path.Combine(folder, name)))

        for algorithm in [ "bpe"; "unigram" ] do
            let options =
                SentencePieceOptions(VocabSize = 330, Algorithm = algorithm, CharacterCoverage = 1.0)

            Assert.Equal<byte>(train "a" options, train "b" options)

        let drawn seed =
            SentencePieceOptions(VocabSize = 330, MaxLines = 50, Seed = seed)

        Assert.Equal<byte>(train "c" (drawn 1), train "d" (drawn 1))
        Assert.NotEqual<byte>(train "c" (drawn 1), train "d" (drawn 2))
        Assert.Equal(330, File.ReadAllLines(Path.Combine(folder, "c.vocab")).Length))

[<Fact>]
let ``a vocabulary that the text cannot fill is refused with the size that it can`` () =
    let train size texts =
        SentencePieceTrainer.Train(
            SentencePieceOptions(VocabSize = size, CharacterCoverage = 1.0),
            texts,
            "tiny.model",
            null,
            CancellationToken.None
        )
        |> ignore

    let error = Assert.Throws<DataException>(fun () -> train 5000 (prose 100))
    let most = Text.RegularExpressions.Regex.Match(error.Message, "use at most (\\d+)")
    Assert.True(most.Success, error.Message)
    train (int most.Groups[1].Value) (prose 100)
    refused "tiny.model" "larger than 259" (fun () -> train 259 (prose 100))
    refused "tiny.model" "use more than" (fun () -> train 262 (prose 100))
    refused "tiny.model" "no text at all" (fun () -> train 300 [])

[<Fact>]
let ``bad options are refused by name`` () =
    let train options =
        SentencePieceTrainer.Train(options, prose 10, "x", null, CancellationToken.None)
        |> ignore

    refused "x" "'bpee'" (fun () -> train (SentencePieceOptions(Algorithm = "bpee")))
    refused "x" "character coverage 1.5" (fun () -> train (SentencePieceOptions(CharacterCoverage = 1.5)))
    refused "x" "comma" (fun () -> train (SentencePieceOptions(UserDefined = [| "a,b" |])))

[<Fact>]
let ``an error in the source of the text comes out as itself, and a stop stops`` () =
    let failing =
        seq {
            yield! prose 5
            raise (InvalidDataException "the source broke")
        }

    let train texts stop =
        SentencePieceTrainer.Train(SentencePieceOptions(), texts, "x", null, stop)
        |> ignore

    let error =
        Assert.Throws<InvalidDataException>(fun () -> train failing CancellationToken.None)

    Assert.Equal("the source broke", error.Message)

    Assert.Throws<OperationCanceledException>(fun () -> train (prose 5) (CancellationToken true))
    |> ignore

[<Fact>]
let ``user-defined text is one token wherever it stands`` () =
    let mutable lines = 0L
    let options = SentencePieceOptions(VocabSize = 350, UserDefined = [| "<|end|>" |])

    let model =
        SentencePieceTrainer.Train(options, prose 400, "x", null, CancellationToken.None, &lines)

    use tokenizer = new SentencePieceTokenizer("x", ReadOnlySpan model)
    let id = (tokenizer.PieceToId "<|end|>").Value
    Assert.Equal(PieceType.UserDefined, tokenizer.IdToType id)
    Assert.Equal(1, tokenizer.EncodeToIds "fox<|end|>dogs" |> Seq.filter ((=) id) |> Seq.length)
    Assert.Equal(400L, lines)

[<Fact>]
let ``no altered or cut model crashes the loader`` () =
    let whole = small.Force()

    let law (changes: (int * int) list, cut: int) =
        let bytes = Array.copy whole

        for at, value in changes do
            bytes[at % bytes.Length] <- byte value

        let bytes = bytes[.. min cut bytes.Length - 1]

        orderly "altered.model" (fun () ->
            use tokenizer = new SentencePieceTokenizer("altered.model", ReadOnlySpan bytes)
            tokenizer.EncodeToIds "the fox 🦊" |> ignore)

    let alterations =
        Gen.zip
            (Gen.resize 4 (Gen.listOf (Gen.zip (Gen.choose (0, whole.Length - 1)) (Gen.choose (0, 255)))))
            (Gen.frequency [ 3, Gen.constant whole.Length; 1, Gen.choose (0, whole.Length) ])

    Check.One(cases 5000, Prop.forAll (Arb.fromGen alterations) law)

[<Fact>]
let ``a file that is no model is refused`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.model")
        File.WriteAllText(path, "")
        refused path "no pieces" (fun () -> SentencePieceTokenizer.Load path)
        File.WriteAllText(path, "hello, this is not a model")
        refused path "protobuf" (fun () -> SentencePieceTokenizer.Load path)

        refused "nowhere" "no such file" (fun () ->
            SentencePieceTokenizer.Load(Path.Combine(folder, "nowhere"))))

[<Fact>]
let ``several threads may encode and decode with one tokenizer`` () =
    use tokenizer = smallTokenizer ()
    let lines = prose 200 |> Array.ofList
    let alone = lines |> Array.map (fun line -> List.ofSeq (tokenizer.EncodeToIds line))

    let together =
        lines
        |> Array.Parallel.map (fun line -> List.ofSeq (tokenizer.EncodeToIds line))

    Assert.Equal<int list>(alone, together)
