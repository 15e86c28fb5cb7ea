/// AdamW over flat buffers, on one rank.
module Evo.Parallel.Tests.OptimizerUpdates

open System
open System.IO
open System.Text.Json
open Evo.Data
open Evo.Parallel
open Evo.Torch
open TorchSharp
open TorchSharp.Modules
open Xunit

/// A file of the golden data that is kept beside the tests.
let golden (path: string) =
    let rec find (folder: string) =
        let candidate = Path.Combine(folder, "tests", "golden", path)

        if File.Exists candidate || Directory.Exists candidate then
            candidate
        else
            find (nonNull (Path.GetDirectoryName folder))

    find AppContext.BaseDirectory

/// A tensor of a safetensors file, in memory of its own.
let read (file: SafeTensors) (name: string) =
    let entry = file[name]

    let dtype =
        if entry.Type = SafeTensorType.I64 then
            torch.int64
        else
            torch.float32

    let tensor = torch.empty (Array.ofSeq entry.Shape, dtype = dtype)
    file.Bytes(entry).CopyTo(TensorBytes.Of tensor)
    tensor

let largest (a: torch.Tensor) (b: torch.Tensor) = a.sub(b).abs().max().ToDouble()

let private names count = [ for i in 0 .. count - 1 -> $"p{i}" ]

/// An optimizer on one rank over parameters with these values; the parameters are views of its buffer.
let private over dtype (values: (string * torch.Tensor * bool) list) =
    let optimizer =
        new ShardedOptimizer(
            [|
                for name, value, decays in values -> ShardedParameter(name, value.shape, 0, decays)
            |],
            ShardingOptions(Dtype = dtype)
        )

    let parameters =
        values
        |> List.map (fun (name, _, _) -> name, new Parameter(optimizer.Weights name))

    optimizer.Attach(fun name -> parameters |> List.find (fun (n, _) -> n = name) |> snd)

    optimizer.ChangeWeights(fun () ->
        use _ = torch.no_grad ()

        for (_, value, _), (_, parameter) in List.zip values parameters do
            parameter.copy_ value |> ignore)

    optimizer, parameters |> List.map snd

/// The gradients of all parameters, one after the other.
let wholeGradient (optimizer: ShardedOptimizer) =
    torch.cat
        [|
            for p in optimizer.Parameters -> optimizer.ReadWhole(p.Name, StateKind.Gradient).flatten()
        |]

/// The norm of the gradients, read.
let normOf (optimizer: ShardedOptimizer) =
    use norm = optimizer.GradientNorm()
    norm.ToDouble()

/// An update by gradients that are clipped, as a step makes it; their norm.
let clippedUpdate (optimizer: ShardedOptimizer) rates update limit =
    use norm = optimizer.GradientNorm()
    use factor = ShardedOptimizer.ClipFactor(norm, limit)
    optimizer.Update(rates, update, factor)
    let found = norm.ToDouble()
    optimizer.Settle(Double.IsFinite found)
    found

[<Fact>]
let ``a name that is given twice is refused`` () =
    let error =
        Assert.Throws<ArgumentException>(fun () ->
            over torch.float32 [ "a", torch.ones 1L, true; "a", torch.ones 1L, true ]
            |> ignore)

    Assert.Contains("tied weights are one parameter", error.Message)

[<Fact>]
let ``weights, moments and schedules are those of the golden AdamW`` () =
    use file = SafeTensors.Open(golden "components/adamw.safetensors")
    use json = JsonDocument.Parse(File.ReadAllText(golden "components/adamw.json"))
    let sets = json.RootElement.GetProperty "sets"

    for set in 0 .. sets.GetArrayLength() - 1 do
        let options = sets[set]
        let number (name: string) = options.GetProperty(name).GetDouble()
        let betas = options.GetProperty "betas"

        let count =
            Seq.initInfinite id
            |> Seq.find (fun i -> isNull (file.Find $"set{set}.param{i}.init"))

        Assert.True(count > 0)

        let optimizer, parameters =
            over
                torch.float32
                [
                    for i, name in List.indexed (names count) ->
                        name, read file $"set{set}.param{i}.init", true
                ]

        for step in 0..9 do
            optimizer.ZeroGradient()

            for i, parameter in List.indexed parameters do
                (nonNull parameter.grad).copy_(read file $"set{set}.param{i}.grad.{step}")
                |> ignore

            let rates =
                AdamRates(
                    options.GetProperty("lr_per_step").[step].GetDouble(),
                    betas[0].GetDouble(),
                    betas[1].GetDouble(),
                    number "eps",
                    number "weight_decay"
                )

            optimizer.Update(rates, int64 (step + 1), null)

            for i, parameter in List.indexed parameters do
                let near (what: string) (tensor: torch.Tensor) =
                    let golden = read file $"set{set}.param{i}.{what}.{step}"
                    // Moments of large gradients have large units in the last place.
                    let unit =
                        if what = "step" then
                            1.0
                        else
                            max 1.0 (golden.abs().max().ToDouble())

                    Assert.InRange(largest tensor golden, 0.0, 1e-6 * unit)

                near "step" (parameter.detach ())
                near "exp_avg" (optimizer.ReadWhole($"p{i}", StateKind.ExpAvg))
                near "exp_avg_sq" (optimizer.ReadWhole($"p{i}", StateKind.ExpAvgSq))

        (optimizer :> IDisposable).Dispose()

[<Fact>]
let ``updates are those of torch.optim.AdamW`` () =
    torch.manual_seed 3L |> ignore

    let values =
        [
            for name in names 3 -> name, torch.randn ([| 5L; 3L |], dtype = torch.float64), true
        ]

    let optimizer, parameters = over torch.float64 values
    use _ = optimizer
    let others = [ for _, value, _ in values -> new Parameter(value.clone ()) ]
    let theirs = torch.optim.AdamW(others, 0.02, 0.9, 0.95, 1e-8, 0.1)

    for step in 1L .. 20L do
        optimizer.ZeroGradient()

        for mine, other in List.zip parameters others do
            let gradient = torch.randn ([| 5L; 3L |], dtype = torch.float64)
            (nonNull mine.grad).copy_ gradient |> ignore
            other.grad <- gradient

        optimizer.Update(AdamRates(0.02, 0.9, 0.95, 1e-8, 0.1), step, null)
        theirs.step () |> ignore

        for mine, other in List.zip parameters others do
            Assert.InRange(largest (mine.detach ()) (other.detach ()), 0.0, 1e-14)

[<Fact>]
let ``what does not decay keeps its value under a zero gradient, and what decays shrinks`` () =
    let optimizer, parameters =
        over torch.float32 [ "matrix", torch.ones 4L, true; "norm", torch.ones 4L, false ]

    use _ = optimizer
    optimizer.Update(AdamRates(0.5, 0.9, 0.95, 1e-8, 0.1), 1L, null)
    Assert.Equal(0.95f, parameters[0].detach().[0].ToSingle())
    Assert.Equal(1.0f, parameters[1].detach().[0].ToSingle())

[<Fact>]
let ``backward passes add up in the flat gradient`` () =
    let optimizer, parameters = over torch.float32 [ "w", torch.ones 3L, true ]
    use _ = optimizer

    for _ in 1..3 do
        parameters[0].mul(Scalar.op_Implicit 2.0f).sum().backward()
        optimizer.Accumulate()

    Assert.Equal<float32 seq>([ 6.0f; 6.0f; 6.0f ], optimizer.GradientOf("w").data<float32>())
    Assert.Equal(sqrt 108.0, normOf optimizer, 6)
    optimizer.ZeroGradient()
    Assert.Equal(0.0, normOf optimizer)

[<Fact>]
let ``bfloat16 gradients are added in float32`` () =
    let optimizer, parameters = over torch.bfloat16 [ "w", torch.ones 1L, true ]
    use _ = optimizer

    // In bfloat16 alone 256 + 1 stays 256.
    for factor in [ 256.0f; 1.0f; 1.0f; 1.0f ] do
        parameters[0].mul(Scalar.op_Implicit factor).sum().backward()
        optimizer.Accumulate()

    Assert.Equal(259.0f, optimizer.GradientOf("w").[0].ToSingle())

[<Fact>]
let ``bfloat16 weights are the rounded master weights, which keep small steps`` () =
    let optimizer, parameters = over torch.bfloat16 [ "w", torch.ones 1L, true ]
    use _ = optimizer

    for step in 1L .. 40L do
        (nonNull parameters[0].grad).fill_(Scalar.op_Implicit 1.0f) |> ignore
        optimizer.ZeroGradient()
        optimizer.GradientOf("w").fill_(Scalar.op_Implicit 1.0f) |> ignore
        optimizer.Update(AdamRates(1e-4, 0.9, 0.95, 1e-8, 0.0), step, null)

    Assert.Equal(1.0 - 40.0 * 1e-4, optimizer.ReadWhole("w", StateKind.Master).[0].ToDouble(), 5)

    Assert.Equal(
        optimizer.ReadWhole("w", StateKind.Master).[0].``to``(torch.bfloat16).ToSingle(),
        parameters[0].detach().[0].ToSingle()
    )

[<Fact>]
let ``clipping follows PyTorch's formula and 0 switches it off`` () =
    let factor (norm: float) limit =
        use norm = torch.tensor norm
        use factor = ShardedOptimizer.ClipFactor(norm, limit)
        factor.ToDouble()

    Assert.Equal(1.0, factor 0.5 1.0)
    Assert.Equal(1.0 / (4.0 + 1e-6), factor 4.0 1.0)
    Assert.Equal(1.0, factor 4.0 0.0)

[<Fact>]
let ``the first parameter in data flow order with a value that is not finite is named`` () =
    let optimizer, parameters =
        over
            torch.float32
            [
                "norm", torch.ones 4L, false
                "a", torch.ones 4L, true
                "b", torch.ones 4L, true
            ]

    use _ = optimizer
    Assert.False(optimizer.FirstNonFinite().HasValue)
    (nonNull parameters[2].grad)[1L] <- torch.tensor Single.NaN
    Assert.Equal(struct ("b", "nan"), optimizer.FirstNonFinite().Value)
    (nonNull parameters[0].grad)[3L] <- torch.tensor Single.NegativeInfinity
    Assert.Equal(struct ("norm", "inf"), optimizer.FirstNonFinite().Value)
