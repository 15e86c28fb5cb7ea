/// What a layer keeps, chosen for each: the same bits, the bytes of the formula, the operations of the count.
namespace Evo.Models.Tests

open System
open System.Text.Json.Nodes
open Evo.Core
open Evo.Models
open Evo.Torch
open TorchSharp
open Xunit

/// Counters of the process: nothing else may run beside these tests.
[<CollectionDefinition("counters", DisableParallelization = true)>]
type Counters() = class end

[<Collection("counters")>]
type KeptLayers() =

    let rows, length = 2, 64

    let small (name: string) =
        let family = nonNull (ModelFamilies.Find name)

        [
            SizeRole.Layers, 4
            SizeRole.Width, 64
            SizeRole.Inner, 96
            SizeRole.Vocabulary, 203
        ]
        |> List.fold
            (fun spec (role, size) -> SmallModel.With(spec, role, size))
            (SmallModel.Of(family.FromHuggingFace.Invoke(JsonObject())))

    let settle () =
        GC.Collect()
        GC.WaitForPendingFinalizers()
        NativeMemory.BytesAllocated

    /// One step, with the model's dropout or without: gradients, bytes between forward and backward, operations of the whole.
    let stepOf drops (spec: CausalLM) dtype (keeps: LayerKeeps list) =
        use model =
            spec.Build(
                BuildOptions(
                    Dtype = dtype,
                    InitSeed = Nullable 20UL,
                    Dropout = drops,
                    Keeps = List.toArray keeps
                )
            )

        model.train ()
        let random = Random 7

        let tokens =
            Array2D.init rows length (fun _ _ -> random.Next spec.Size.VocabSize |> int64)

        use ids = torch.tensor (tokens)

        // Tables that all later steps share are made by the first.
        let first () =
            use quiet = torch.no_grad ()
            use scope = torch.NewDisposeScope()

            use at =
                Positions.Sequential(rows, length, random = PassRandom(RandomKey.Of(3UL, "kept layers"), 0L))

            model.Hidden(ids, at) |> ignore

        first ()

        use at =
            Positions.Sequential(rows, length, random = PassRandom(RandomKey.Of(3UL, "kept layers"), 0L))

        let before, started = settle (), CountedOperations.Now

        let loss =
            use scope = torch.NewDisposeScope()
            let struct (sum, _, _, _) = model.Loss(ids, ids, at)
            sum.MoveToOuterDisposeScope()

        let kept = settle () - before
        loss.backward ()
        let work = CountedOperations.Now.Since started

        let gradients =
            [
                for p in model.Table do
                    match p.Value.grad with
                    | null -> ()
                    | gradient -> TensorBytes.Of(gradient).ToArray()
            ]

        loss.Dispose()
        gradients, kept, work

    let step = stepOf false

    let everything = List.replicate 4 LayerKeeps.Everything

    /// Every layer alike, and layers that differ, the first one among those that keep everything.
    let choices =
        [
            List.replicate 4 LayerKeeps.Input
            List.replicate 4 LayerKeeps.Attention
            [
                LayerKeeps.Everything
                LayerKeeps.Input
                LayerKeeps.Attention
                LayerKeeps.Everything
            ]
            [
                LayerKeeps.Attention
                LayerKeeps.Everything
                LayerKeeps.Everything
                LayerKeeps.Input
            ]
        ]

    let costs (spec: CausalLM) dtype =
        LayerCost.Of(
            spec,
            spec.Plan ParallelMode.Serial,
            SizePoint(int64 rows, int64 length),
            dtype,
            spec.FlopsOfLayers(int64 rows, int64 length)
        )

    static member Names =
        let data = TheoryData<string>()
        let all = Environment.GetEnvironmentVariable "EVO_TEST_FULL" = "1"

        // A dense family, one with biases and dropout, and a sparse one in the quick suite.
        for family in ModelFamilies.All do
            if all || List.contains family.Name [ "LLAMA2"; "GPT2"; "MIXTRALMOE" ] then
                data.Add(family.Name: string)

        data

    [<Theory; MemberData "Names">]
    member _.``whatever each layer keeps, the gradients have the same bits``(name: string) =
        let spec = small name

        for dtype in [ torch.ScalarType.Float32; torch.ScalarType.Float64 ] do
            let plain, _, _ = step spec dtype everything
            Assert.NotEmpty plain

            for keeps in choices do
                let gradients, _, _ = step spec dtype keeps
                Assert.Equal<byte array list>(plain, gradients)

    /// Attention that drops weights is kept as any other: nothing of it is done again, and no tensor of the scores' size is held.
    [<Fact>]
    member _.``with dropout the gradients have the same bits, and the count is the same``() =
        let spec = small "GPT2"
        let step = stepOf true spec torch.ScalarType.Float32
        let plain, dropping, once = step everything
        let undropped, without, _ = stepOf false spec torch.ScalarType.Float32 everything
        Assert.NotEqual<byte array list>(undropped, plain)
        let heads = spec.Size.HeadCount
        let scores = 4L * 4L * int64 (rows * heads * length * length)
        Assert.InRange(dropping - without, 0L, scores / 4L)

        for keeps in choices do
            let gradients, _, work = step keeps
            Assert.Equal<byte array list>(plain, gradients)

            let again = float (work.Products + work.Attention - once.Products - once.Attention)

            let formula =
                Seq.zip (costs spec torch.ScalarType.Float32) keeps
                |> Seq.sumBy (fun (cost, keeps) -> cost.FlopsAgain keeps)

            Assert.Equal(formula, again)

    [<Theory; MemberData "Names">]
    member _.``what is saved is the formula's, within two in a hundred``(name: string) =
        let spec = small name

        for dtype in [ torch.ScalarType.Float32; torch.ScalarType.Float64 ] do
            let costs = costs spec dtype
            let _, all, _ = step spec dtype everything

            for keeps in choices do
                let _, kept, _ = step spec dtype keeps

                let saved =
                    Seq.zip costs keeps
                    |> Seq.sumBy (fun (cost, keeps) -> cost.Everything - cost.Kept keeps)

                let off = (float (all - kept) - saved) / saved
                // A capacity drops tokens of which the formula does not know: it says the most that can be.
                let least = if spec :? InternLMMoe then -0.1 else -0.02

                Assert.True(
                    least <= off && off <= 0.02,
                    $"{keeps}: {all - kept} saved, {saved} by the formula"
                )

    [<Theory; MemberData "Names">]
    member _.``what is done again is the count's``(name: string) =
        let spec = small name
        let costs = costs spec torch.ScalarType.Float32
        let _, _, once = step spec torch.ScalarType.Float32 everything

        for keeps in choices do
            let _, _, work = step spec torch.ScalarType.Float32 keeps
            let again = float (work.Products + work.Attention - once.Products - once.Attention)

            let formula =
                Seq.zip costs keeps |> Seq.sumBy (fun (cost, keeps) -> cost.FlopsAgain keeps)

            // A capacity drops tokens.
            if spec :? InternLMMoe then
                Assert.InRange(again, 0.5 * formula, formula)
            else
                Assert.Equal(formula, again)

    [<Fact>]
    member _.``a list for other layers than the stage's is refused``() =
        let spec = small "LLAMA2"

        let error =
            Assert.Throws<ArgumentException>(fun () ->
                spec.Build(BuildOptions(Keeps = [| LayerKeeps.Input |])) |> ignore)

        Assert.Contains("Keeps has 1 layers, and the stage 4", error.Message)
