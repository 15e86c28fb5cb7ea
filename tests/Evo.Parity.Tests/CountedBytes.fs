/// The bytes that a rank really holds, of parameters and of what the backward pass needs, against the formulas.
namespace Evo.Parity.Tests

open System
open System.Text.Json
open Evo.Models
open Evo.Parallel
open Evo.Torch
open TorchSharp
open Xunit

[<Collection("counters")>]
type CountedBytes() =
    // Large enough that what an allocation costs beside its numbers is small.
    let rows, length = 2, 64

    let wide spec =
        spec
        |> Small.with' SizeRole.Width 64
        |> Small.with' SizeRole.Inner 96
        |> Small.with' SizeRole.Vocabulary 203

    let settle () =
        GC.Collect()
        GC.WaitForPendingFinalizers()
        NativeMemory.BytesAllocated

    /// Layouts where what is kept is not the formula's within two in a hundred, and the largest share by which a count was off.
    let keptApart (spec: CausalLM) =
        let mutable worst = 0.0

        let layouts =
            Steps.layouts spec @ Steps.expertLayouts spec
            |> List.filter (fun layout -> layout.Tensor <= 4)

        let apart =
            [
                for layout in layouts do
                    let found = Steps.step spec layout rows length (fun _ group -> group) settle
                    let counted = float (found.Forward - found.Start)
                    let degrees = layout.DegreesOf spec

                    let formula =
                        ActivationMemory
                            .Of(spec.Plan degrees)
                            .Bytes(torch.ScalarType.Float32)
                            .At(SizePoint(int64 rows, int64 length, int64 layout.Tensor, int64 layout.Weight))
                        * float layout.World

                    let off = (counted - formula) / formula
                    worst <- if abs off > abs worst then off else worst

                    // A capacity drops tokens of which the formula does not know: it says the most that can be.
                    let least = if spec :? InternLMMoe then -0.1 else -0.02

                    if not (least <= off && off <= 0.02) then
                        $"{layout}: {counted:N0} bytes, {formula:N0} by the formula, {off:P2} off"
            ]

        apart, layouts.Length, worst

    static member Names = Steps.families

    [<Theory; MemberData("Names")>]
    member _.``every rank holds the parameters that the table says``(name: string) =
        let spec = Steps.small name
        let layouts = Steps.layouts spec @ Steps.expertLayouts spec

        [
            for layout in layouts do
                let holdings = Holding.Of(spec, layout.DegreesOf spec)

                let found =
                    LocalWorld.Results(
                        layout.World,
                        (fun rank ->
                            use model = spec.Build(BuildOptions(Ranks = Steps.ranks spec layout rank id))
                            [ for p in model.Table -> p.Info.Name, List.ofArray p.Value.shape ])
                    )

                for rank, table in Seq.indexed found do
                    for (parameter, shape), holding in Seq.zip table holdings do
                        if List.ofSeq holding.LocalShape <> shape || holding.Parameter.Name <> parameter then
                            $"{layout}, rank {rank}: {parameter} is {shape}, {List.ofSeq holding.LocalShape} by the table"

                    if table.Length <> holdings.Count then
                        $"{layout}: {table.Length} parameters, {holdings.Count} in the table"
        ]
        |> Steps.none name

    [<Theory; MemberData("Names")>]
    member _.``what is kept for the backward pass is the formula's, within two in a hundred``(name: string) =
        let apart, layouts, worst = keptApart (wide (Steps.small name))
        Steps.none name apart
        Console.WriteLine $"{name}: kept bytes of {layouts} layouts, {worst:P2} off at most"

    [<Theory; InlineData "gelu_new"; InlineData "silu"; InlineData "gelu"; InlineData "relu">]
    member _.``and so it is with each kind of activation``(activation: string) =
        let family = nonNull (ModelFamilies.Find "GPT2")
        let written = Nodes.JsonObject()
        written["activation_function"] <- Nodes.JsonValue.Create activation

        let apart, _, _ =
            keptApart (wide (Small.make (family.FromHuggingFace.Invoke written)))

        Steps.none activation apart
