/// What the memory of gradients held before a step is nothing to that step.
module Evo.Parallel.Tests.GradientBuffers

open System
open Evo.Core
open Evo.Parallel
open Evo.Torch
open TorchSharp
open Xunit

let private batches passes =
    [|
        for pass in 0L .. passes - 1L do
            let tokens = [| for i in 0L .. 23L -> (i * (7L + pass) + i * i) % 61L |]
            MicroBatch(tokens[..22], tokens[1..], [| 0L .. 22L |], [| 0; 23 |])
    |]

/// Those of each parameter, of which none is without.
let private values (model: RankModel) =
    [
        for piece in model.Pieces StateKind.Gradient do
            Assert.True(Seq.exists ((<>) 0.0) piece.Values, $"{piece.Info.Name} has no gradient")
            yield! piece.Values
    ]

/// Fills what a backward adds to, and the sums of a step, with what is no number.
let private spoil (model: RankModel) =
    use _ = torch.no_grad ()
    let nan = Scalar.op_Implicit Double.NaN

    for parameter in model.Chunks[0].Module.Table do
        use grad = nonNull parameter.Value.grad

        if grad.dim () > 1L then
            grad.fill_ nan |> ignore

    for parameter in model.Optimizer.Parameters do
        use sums = model.Optimizer.GradientOf parameter.Name

        if sums.dim () > 1L then
            sums.fill_ nan |> ignore

[<Theory>]
[<InlineData("LLAMA2", "Float32", false)>]
[<InlineData("LLAMA2", "BFloat16", false)>]
[<InlineData("LLAMA2", "BFloat16", true)>]
[<InlineData("GPT2", "Float32", false)>]
[<InlineData("GPT2", "BFloat16", true)>]
[<InlineData("INTERNLM2", "BFloat16", false)>]
[<InlineData("MIXTRALMOE", "Float32", false)>]
let ``a step's gradients are the same whatever their memory held, with the kernels and without``
    (family, dtype: string, narrow)
    =
    for native in [ true; false ] do
        Ops.UseNative <- native

        try
            use model =
                RankModel.OnOneRank(
                    TinyRuns.spec family,
                    RankModelOptions(Dtype = Enum.Parse<torch.ScalarType> dtype, NarrowSums = narrow)
                )

            model.Start 5UL

            for passes in [ 1L; 3L ] do
                let gradients () =
                    model.Gradients(batches passes) |> ignore
                    values model

                let first = gradients ()
                spoil model
                Assert.Equal<float list>(first, gradients ())
        finally
            Ops.UseNative <- true

[<Fact>]
let ``a matrix that nobody reads has no gradient, whatever its memory held`` () =
    use parameter = new Modules.Parameter(torch.ones [| 2L; 3L |])
    let options = ShardingOptions()

    use optimizer =
        new ShardedOptimizer([| ShardedParameter("w", [| 2L; 3L |], 0, true) |], options)

    optimizer.Attach(fun _ -> parameter)

    for _ in 1..2 do
        optimizer.ZeroGradient()
        optimizer.Finish()
        use sums = optimizer.GradientOf "w"
        Assert.Equal(0.0, sums.abs().sum().ToDouble())
        sums.fill_ (Scalar.op_Implicit Double.NaN) |> ignore
