/// What a module does beside its figures: starts, counts, packs, remembers, recomputes.
module Evo.Models.Tests.Modules

open System
open System.Collections.Generic
open Evo.Models
open Evo.Models.Tests.Golden
open Evo.Models.Tests.Json
open Evo.Torch
open TorchSharp
open Xunit

let private build (json: System.Text.Json.Nodes.JsonObject) dtype seed =
    (read json).Build(BuildOptions(Dtype = dtype, InitSeed = Nullable seed))

let private double = torch.ScalarType.Float64

let private same (a: torch.Tensor) (b: torch.Tensor) =
    (a.``to`` (double) - b.``to`` (double)).abs().max().item<double>()

let folders =
    let rows = TheoryData<string>()

    for name: string in families do
        rows.Add name

    rows

[<Theory; MemberData(nameof folders)>]
let ``a parameter starts by the seed and its own name`` (folder: string) =
    use a = build (config folder []) double 5UL
    use b = build (config folder []) double 5UL
    use c = build (config folder []) double 6UL

    // One layer more leaves all others as they were.
    let key = if folder = "gpt2" then "n_layer" else "num_hidden_layers"
    use d = build (config folder [ key, "3" ]) double 5UL

    let values (m: CausalLMModule) =
        Map [ for p in m.Table -> p.Info.Name, p.Value ]

    let b, c, d = values b, values c, values d

    for p in a.Table do
        Assert.Equal(0.0, same p.Value b[p.Info.Name])

        if p.Info.Decays then
            Assert.True(same p.Value c[p.Info.Name] > 0.0)
            let std = p.Value.std().item<double>()
            Assert.InRange(std, 0.85 * p.Info.Init.Std, 1.15 * p.Info.Init.Std)

        if folder <> "gpt2" then
            Assert.Equal(0.0, same p.Value d[p.Info.Name])

[<Fact>]
let ``maps back into the residual stream start smaller the deeper they stand`` () =
    let table =
        (read (config "llama2" [])).Parameters |> Seq.map (fun p -> p.Name, p) |> Map

    Assert.Equal(0.02 / sqrt 2.0, table["layers.0.output.weight"].Init.Std, 12)
    Assert.Equal(0.02 / sqrt 4.0, table["layers.1.down.weight"].Init.Std, 12)
    Assert.Equal(0.02, table["layers.1.query.weight"].Init.Std, 12)
    Assert.Equal("ones", string table["final_norm.weight"].Init)

[<Fact>]
let ``operations are counted along the data flow`` () =
    let spec = read (config "llama2" [])
    let flops = spec.FlopsPerStep(3L, 10L)
    // Per token and layer: q and o 64 × 64, k and v 64 × 32, three of 64 × 96; then the head, 64 × 160.
    let weights = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96) + 64 * 160
    Assert.Equal(2.0 * 30.0 * float weights, flops.Matrices)
    Assert.Equal(2.0 * 4.0 * 3.0 * 64.0 * 100.0, flops.AttentionFull)
    Assert.Equal(2.0 * 4.0 * 3.0 * 64.0 * 55.0, flops.AttentionCausal)
    Assert.Equal(3.0 * flops.ForwardFull, flops.TotalFull)
    Assert.Equal(2.0 * flops.ForwardCausal, flops.BackwardCausal)

[<Fact>]
let ``sizes are read off the parts`` () =
    let size = (read (config "internlm2" [])).Size
    Assert.Equal(ModelSize(168, 64, 2, 4, 2, 16, 96, 32768, true, 2), size)
    Assert.Equal(ModelSize(160, 64, 2, 4, 4, 16, 256, 32, false, 2), (read (config "gpt2" [])).Size)

// Windows, linear biases and a normalized head too, where their own folders stay below the reach of dynamic scaling.
let decodable =
    let rows = TheoryData<string>()

    for name: string in families do
        rows.Add name

    for name in variants do
        if (read (config $"variants/{name}" [])).CacheLimit > 14L then
            rows.Add $"variants/{name}"

    rows

/// Token ids of a model's vocabulary.
let private tokens (model: CausalLMModule) (shape: int64 array) =
    torch.randint (int64 model.Spec.Size.VocabSize, shape)

[<Theory; MemberData(nameof decodable)>]
let ``decoding with a cache gives the logits of computing everything`` (folder: string) =
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    use model = build (config folder []) double 1UL
    model.eval ()
    let ids = tokens model [| 2L; 14L |]
    use all = Positions.Sequential(2, 14)
    let expected = model.Logits(model.Hidden(ids, all))
    use cache = new KvCache(model.Spec, 2, 14, double)
    let mutable start = 0L

    for count in [ 5; 1; 3; 1; 4 ] do
        use at = Positions.Cached(cache, count)
        let found = model.Logits(model.Hidden(ids.narrow (1L, start, int64 count), at))
        Assert.True(same found (expected.narrow (1L, start, int64 count)) < 1e-12)
        start <- start + int64 count

    Assert.Equal(14, cache.Length)
    cache.Truncate 9
    use at = Positions.Cached(cache, 5)

    Assert.True(
        same (model.Logits(model.Hidden(ids.narrow (1L, 9L, 5L), at))) (expected.narrow (1L, 9L, 5L)) < 1e-12
    )

[<Fact>]
let ``a cache that dynamic scaling makes stale is refused, and computing all tokens anew is right`` () =
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()

    let json =
        config
            "llama2"
            [
                "max_position_embeddings", "6"
                "rope_scaling", """{ "type": "dynamic", "factor": 2 }"""
            ]

    use model = build json double 1UL
    Assert.Equal(6L, model.Spec.CacheLimit)
    let ids = torch.randint (128L, [| 1L; 8L |])
    use cache = new KvCache(model.Spec, 1, 12, double)
    use first = Positions.Cached(cache, 6)
    model.Hidden(ids.narrow (1L, 0L, 6L), first) |> ignore
    use next = Positions.Cached(cache, 1)

    let error =
        Assert.Throws<InvalidOperationException>(fun () ->
            model.Hidden(ids.narrow (1L, 6L, 1L), next) |> ignore)

    Assert.Contains("a sequence of 7 tokens is longer than the 6", error.Message)
    cache.Truncate 0
    use again = Positions.Cached(cache, 8)
    use whole = Positions.Sequential(1, 8)
    Assert.Equal(0.0, same (model.Hidden(ids, again)) (model.Hidden(ids, whole)))

[<Theory; MemberData(nameof decodable)>]
let ``packed sequences do not see each other`` (folder: string) =
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    use model = build (config folder []) double 1UL
    model.eval ()
    let lengths = [ 3; 1; 7 ]
    let ids = tokens model [| 1L; 11L |]
    let boundaries = torch.tensor ([| 0; 3; 4; 11 |])

    let positions =
        torch.tensor (
            [|
                for n in lengths do
                    for i in 0 .. n - 1 -> int64 i
            |]
        )

    use packed = Positions.Packed(boundaries, positions)
    let together = model.Hidden(ids, packed)
    let mutable start = 0L

    for n in lengths do
        use at = Positions.Sequential(1, n)
        let alone = model.Hidden(ids.narrow (1L, start, int64 n), at)
        Assert.True(same alone (together.narrow (1L, start, int64 n)) < 1e-12)
        start <- start + int64 n

[<Fact>]
let ``a training step leaves no tensors behind`` () =
    use model = build (config "internlm2" []) torch.ScalarType.Float32 1UL
    use ids = torch.randint (128L, [| 2L; 9L |])

    let step () =
        use _ = torch.NewDisposeScope()
        use at = Positions.Sequential(2, 9)
        let struct (sum, count, _, _) = model.Loss(ids, ids, at)
        (sum / count).backward()

    // What other tests left to the collector must not be counted.
    let settle () =
        for _ in 1..3 do
            GC.Collect()
            GC.WaitForPendingFinalizers()

    step ()
    settle ()
    let before = NativeMemory.LiveTensors

    for _ in 1..3 do
        step ()

    Assert.Equal(before, NativeMemory.LiveTensors)

[<Fact>]
let ``parameters can lie in one flat buffer and learn there`` () =
    let spec = read (config "llama2" [])
    let flat = torch.zeros (spec.ParameterCount, dtype = double)
    let offsets = Dictionary<string, int64>()
    let mutable used = 0L

    for p in spec.Parameters do
        offsets[p.Name] <- used
        used <- used + p.Count

    let storage (p: ParameterInfo) =
        flat.narrow(0L, offsets[p.Name], p.Count).view(Array.ofSeq p.Shape)

    use model =
        spec.Build(BuildOptions(Dtype = double, Storage = Func<_, _> storage, InitSeed = Nullable 3UL))

    use alone = spec.Build(BuildOptions(Dtype = double, InitSeed = Nullable 3UL))
    let joined = torch.cat [| for p in alone.Table -> p.Value.detach().flatten() |]
    Assert.Equal(0.0, same flat joined)

[<Fact>]
let ``a record only describes a model: its forward needs a module`` () =
    use ids = torch.zeros ([| 1L; 2L |], dtype = torch.ScalarType.Int64)
    use at = Positions.Sequential(1, 2)

    let error =
        Assert.Throws<InvalidOperationException>(fun () ->
            (read (config "llama2" []) :?> Llama2).Forward(ids, at) |> ignore)

    Assert.Contains("Build()", error.Message)

[<Fact>]
let ``positions beyond a table of positions are refused by their number`` () =
    use model = build (config "gpt2" []) double 1UL
    use ids = torch.zeros ([| 1L; 33L |], dtype = torch.ScalarType.Int64)
    use at = Positions.Sequential(1, 33)

    let error =
        Assert.Throws<ArgumentException>(fun () -> model.Hidden(ids, at) |> ignore)

    Assert.Contains("position 32 is beyond the 32 learned positions", error.Message)

[<Fact>]
let ``dropout drops in training only`` () =
    use _ = torch.NewDisposeScope()

    use model =
        build (config "gpt2" [ "resid_pdrop", "0.5"; "attn_pdrop", "0.5"; "embd_pdrop", "0.5" ]) double 1UL

    use plain = build (config "gpt2" []) double 1UL
    let ids = torch.randint (128L, [| 1L; 9L |])
    let run = Evo.Torch.RandomKey.Of(3UL, "random choices")

    let passOf (step: int64) =
        Positions.Sequential(1, 9, random = Nullable(PassRandom(run.At step, 0L)))

    use at = passOf 1L
    use later = passOf 2L
    model.eval ()
    let quiet = model.Hidden(ids, at)
    Assert.Equal(0.0, same quiet (plain.Hidden(ids, at)))
    model.train ()
    let dropped = model.Hidden(ids, at)
    Assert.True(same quiet dropped > 0.1)
    Assert.Equal(0.0, same dropped (model.Hidden(ids, at)))
    Assert.True(same dropped (model.Hidden(ids, later)) > 0.1)

    use unsaid = Positions.Sequential(1, 9)

    let error =
        Assert.Throws<InvalidOperationException>(fun () -> model.Hidden(ids, unsaid) |> ignore)

    Assert.Contains("does not say its step: set Positions.Random", error.Message)

[<Fact>]
let ``an inspection folds the layers and counts everything once`` () =
    let spec = read (config "gpt2" [])
    let found = Inspection.Of(spec, 2L, Nullable 32L)
    Assert.Equal(spec.ParameterCount, found.Groups |> Seq.sumBy _.Count)
    Assert.Equal(spec.Parameters.Count, found.Groups |> Seq.sumBy _.Tensors)
    let up = found.Groups |> Seq.find (fun g -> g.Name = "layers.{layer}.up.weight")

    Assert.Equal(
        ("transformer.h.{layer}.mlp.c_fc.weight", 2, 2L * 64L * 256L),
        (up.HuggingFaceName, up.Tensors, up.Count)
    )
    // The table of positions is only looked up; that of tokens is the head too.
    Assert.Equal(32L * 64L, found.EmbeddingCount)
    Assert.Equal(spec.FlopsPerStep(2L, 32L), found.Flops)
    Assert.Equal(spec.Parameters.Count, (nonNull (found.ToJson()["table"])).AsArray().Count)
