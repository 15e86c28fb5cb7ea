/// Writing text.
module Evo.Parallel.Tests.Generators

open System
open System.Buffers
open System.Text
open Evo.Data
open Evo.Models
open Evo.Parallel
open TorchSharp
open Xunit

/// Each byte of a text modulo 60 is a token; 60 ends a text.
type private Bytes() =
    inherit Tokenizer()
    override _.VocabSize = 61
    override _.BosId = Nullable 1
    override _.EosId = Nullable 60
    override _.PadId = Nullable()
    override _.UnkId = Nullable()

    override _.Encode(text, tokens, _) =
        for b in text.ToArray() do
            tokens.Add(2 + int b % 58, 0, 0)

    override _.DecodeUtf8(ids, text, _) =
        for id in ids do
            text.Write(ReadOnlySpan [| byte (64 + id) |])

    override _.IdToPiece id = string id
    override _.PieceToId _ = Nullable()
    override _.Dispose() = ()

/// The same with one token too many.
type private Larger() =
    inherit Bytes()
    override _.VocabSize = 62

let private build family =
    let model = (TinyRuns.spec family).Build(BuildOptions())
    // Large weights, so that the most probable token changes from place to place.
    model.Initialize 3UL
    model

let private options =
    [
        SamplingOptions(MaxNewTokens = 40, StopAtEos = false)
        SamplingOptions(MaxNewTokens = 40, Temperature = 1.3, Seed = 9UL, StopAtEos = false)
        SamplingOptions(MaxNewTokens = 40, Temperature = 1.0, TopK = 5, TopP = 0.8, Seed = 4UL)
    ]

[<Theory; InlineData "LLAMA2"; InlineData "INTERNLM2"; InlineData "GPT2">]
let ``with a cache the tokens are those of decoding without one`` family =
    use model = build family
    let generator = Generator(model, new Bytes())

    for options in options do
        for prompt in [ [| 1 |]; [| 1; 7; 30; 12 |]; Array.init 23 (fun i -> 3 + i * 5 % 50) ] do
            let tokens cached =
                List.ofSeq (generator.Tokens(prompt, options, cached))

            let cached = tokens true
            Assert.Equal<int list>(tokens false, cached)
            Assert.NotEmpty cached

        // The tokens depend on the weights and on what came before, or nothing is tested.
        Assert.True((generator.Tokens([| 1; 7 |], options) |> Seq.distinct |> Seq.length) > 1)

[<Fact>]
let ``with rotary scaling that depends on the length, too, the cache changes no token`` () =
    let spec =
        TinyRuns.specWith "LLAMA2" """, "rope_scaling": { "type": "dynamic", "factor": 4.0 } """

    use model = spec.Build(BuildOptions())
    model.Initialize 3UL
    let generator = Generator(model, new Bytes())
    // From below the 64 positions that the model is made for to beyond them.
    let options =
        SamplingOptions(MaxNewTokens = 30, Temperature = 1.3, Seed = 9UL, StopAtEos = false)

    let prompt = Array.init 50 (fun i -> 3 + i * 5 % 50)
    let cached = generator.Tokens(prompt, options, true) |> List.ofSeq
    Assert.Equal(30, cached.Length)
    Assert.Equal<int list>(generator.Tokens(prompt, options, false) |> List.ofSeq, cached)

[<Fact>]
let ``generation leaves no native tensor behind and the model in its mode`` () =
    use model = build "LLAMA2"
    model.train ()
    let generator = Generator(model, new Bytes())

    let write () =
        generator.Stream("some text", options[1]) |> Seq.length |> ignore

    write ()
    let before = Folders.liveTensors ()
    write ()
    // A reader may stop in the middle.
    generator.Stream("some text", options[1])
    |> Seq.truncate 3
    |> Seq.length
    |> ignore

    Assert.Equal(before, Evo.Torch.NativeMemory.LiveTensors)
    Assert.True model.training

[<Fact>]
let ``the stream is the text of the tokens`` () =
    use model = build "INTERNLM2"
    use tokenizer = new Bytes()
    let generator = Generator(model, tokenizer)
    let ids = generator.PromptIds "ab"
    Assert.Equal(1, ids[0])
    let tokens = generator.Tokens(ids, options[0]) |> Array.ofSeq
    Assert.Equal(tokenizer.Decode tokens, generator.Stream("ab", options[0]) |> String.concat "")

[<Fact>]
let ``a text ends where the model says so, and no later than asked for`` () =
    use model = build "LLAMA2"
    let generator = Generator(model, new Bytes())

    let endless =
        SamplingOptions(MaxNewTokens = 50, Temperature = 2.0, Seed = 1UL, StopAtEos = false)

    let tokens = generator.Tokens([| 1 |], endless) |> List.ofSeq
    Assert.Equal(50, tokens.Length)
    Assert.Contains(60, tokens)
    let ended = SamplingOptions(MaxNewTokens = 50, Temperature = 2.0, Seed = 1UL)

    Assert.Equal<int list>(
        List.takeWhile (fun id -> id <> 60) tokens,
        generator.Tokens([| 1 |], ended) |> List.ofSeq
    )

[<Fact>]
let ``a text ends at the model's last position, and a prompt that leaves none is an error with both numbers``
    ()
    =
    for family, _ in TinyRuns.families do
        use model = build family
        let generator = Generator(model, new Bytes())
        let prompt = Array.init 60 (fun i -> 3 + i % 50)

        Assert.Equal(
            4,
            generator.Tokens(prompt, SamplingOptions(MaxNewTokens = 100, StopAtEos = false))
            |> Seq.length
        )

        let error =
            Assert.Throws<GenerationException>(fun () ->
                generator.Tokens(Array.create 64 3, SamplingOptions.Greedy)
                |> Seq.length
                |> ignore)

        Assert.Contains("64 tokens", error.Message)
        Assert.Contains("64 positions", error.Message)

[<Fact>]
let ``a tokenizer with more pieces than the model has rows is refused`` () =
    use model = (TinyRuns.spec "LLAMA2" :?> Llama2).Build(BuildOptions())

    let error =
        Assert.Throws<GenerationException>(fun () -> Generator(model, new Larger()) |> ignore)

    Assert.Contains("62 pieces", error.Message)
