namespace Evo.Core

open System
open System.Collections.Generic

/// Layers from `First` up to but not `End`, counted from the model's entry.
[<Struct>]
type LayerRange =
    {
        First: int
        End: int
    }

    member range.Count = range.End - range.First

/// Which layers each chunk of each rank holds. The model's entry goes with the first layer, its exit with the last.
[<Sealed>]
type Partition private (shape: PipelineShape, ranges: LayerRange array) =

    /// The layers of each virtual stage, in the order of the model.
    member _.Ranges: IReadOnlyList<LayerRange> = ranges
    /// The layers of the whole model.
    member _.Layers = ranges[ranges.Length - 1].End
    /// The layers of one chunk of a rank.
    member _.Of(rank: int, chunk: int) = ranges[shape.VirtualStage(rank, chunk)]

    static member private OfCounts(shape: PipelineShape, counts: int seq) =
        let ends = Seq.scan (+) 0 counts |> Array.ofSeq

        Partition(
            shape,
            Array.init shape.VirtualStages (fun stage ->
                {
                    First = ends[stage]
                    End = ends[stage + 1]
                })
        )

    static member private TooFew(shape: PipelineShape, layers: int) =
        $"layers = {layers}: {shape.VirtualStages} virtual stages ({shape.Stages} stages x {shape.Chunks} chunks) hold 1 layer or more each"

    /// As evenly as it goes, as InternEvo does: one slice of the layers for each chunk, cut over the ranks; where that
    /// does not come out even, later slices and, of a slice, later virtual stages hold one more.
    static member Uniform(shape: PipelineShape, layers: int) : Result<Partition, string list> =
        if layers < shape.VirtualStages then
            Error [ Partition.TooFew(shape, layers) ]
        else
            let share whole parts part =
                whole / parts + (if part >= parts - whole % parts then 1 else 0)

            Ok(
                Partition.OfCounts(
                    shape,
                    seq {
                        for chunk in 0 .. shape.Chunks - 1 do
                            for place in 0 .. shape.Stages - 1 do
                                share (share layers shape.Chunks chunk) shape.Stages place
                    }
                )
            )

    /// So that the most expensive virtual stage costs as little as can be, and of all such partitions one whose costs are
    /// most alike (the least sum of squares). `entry` and `exit` are the costs of what stands before and after the layers.
    static member ByCost
        (shape: PipelineShape, costs: IReadOnlyList<float>, entry: float, exit: float)
        : Result<Partition, string list> =
        let layers, stages = costs.Count, shape.VirtualStages

        let problems =
            [
                if layers < stages then
                    Partition.TooFew(shape, layers)

                for layer in 0 .. layers - 1 do
                    if not (Double.IsFinite costs[layer] && costs[layer] >= 0.0) then
                        $"cost of layer {layer} = {costs[layer]}: must be a finite number of 0 or more"

                for name, cost in [ "entry", entry; "exit", exit ] do
                    if not (Double.IsFinite cost && cost >= 0.0) then
                        $"cost of the {name} = {cost}: must be a finite number of 0 or more"
            ]

        if not problems.IsEmpty then
            Error problems
        else
            let before = Seq.scan (+) 0.0 costs |> Array.ofSeq

            let cost first last =
                before[last] - before[first]
                + (if first = 0 then entry else 0.0)
                + (if last = layers then exit else 0.0)

            /// The best way to cut: `value` of a stage's cost, joined by `join`; infinite where there is none.
            let cut (value: float -> float) (join: float -> float -> float) =
                let best = Array2D.create (stages + 1) (layers + 1) infinity
                let from = Array2D.zeroCreate (stages + 1) (layers + 1)
                best[0, 0] <- 0.0

                for stage in 1..stages do
                    for last in stage .. layers - (stages - stage) do
                        for first in stage - 1 .. last - 1 do
                            let joined = join best[stage - 1, first] (value (cost first last))

                            if joined < best[stage, last] then
                                best[stage, last] <- joined
                                from[stage, last] <- first

                best[stages, layers], from

            let largest, _ = cut id max

            let _, from =
                cut (fun cost -> if cost <= largest then cost * cost else infinity) (+)

            let rec countsTo stage last counts =
                if stage = 0 then
                    counts
                else
                    countsTo (stage - 1) from[stage, last] (last - from[stage, last] :: counts)

            Ok(Partition.OfCounts(shape, countsTo stages layers []))

    /// As somebody wants it: the number of layers of each virtual stage, in the order of the model.
    static member ByHand
        (shape: PipelineShape, layers: int, counts: IReadOnlyList<int>)
        : Result<Partition, string list> =
        let problems =
            [
                if counts.Count <> shape.VirtualStages then
                    $"{counts.Count} numbers of layers: {shape.Stages} stages x {shape.Chunks} chunks need {shape.VirtualStages}, in the order of the model"

                for stage in 0 .. counts.Count - 1 do
                    if counts[stage] < 1 then
                        $"virtual stage {stage} with {counts[stage]} layers: must hold 1 or more"

                if Seq.sum counts <> layers then
                    $"{Seq.sum counts} layers in all: the model has {layers}"
            ]

        if problems.IsEmpty then
            Ok(Partition.OfCounts(shape, counts))
        else
            Error problems
