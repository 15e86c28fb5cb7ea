namespace Evo.Core

open System

/// The legal layout nearest to one that is not.
module NearestLayout =

    /// One setting: its key, and the values that it may be given.
    type private Setting =
        {
            Path: string
            /// Every other value, with what it costs: in a size, how often it doubles or halves.
            Others: (float * (Layout -> Layout)) list
        }

    let private times a b =
        abs (Math.Log2(float a) - Math.Log2(float b))

    let private settings (facts: ModelFacts) (layout: Layout) : Setting list =
        let given = layout.Degrees
        let sizes = DegreeRules.divisors (max 1 given.World)
        let named = Legality.problems facts layout |> List.map _.Path |> set

        // A setting that nothing is said against is changed only where that is a smaller change.
        let unasked path =
            if Set.contains path named then 0.0 else 1.0

        let size path now values set =
            {
                Path = path
                Others =
                    [
                        for value in values |> List.distinct |> List.filter ((<>) now) do
                            times (max 1 value) (max 1 now) + unasked path, set value
                    ]
            }

        let choice path now values set =
            {
                Path = path
                Others =
                    [
                        for value in List.filter ((<>) now) values do
                            1.0 + unasked path, set value
                    ]
            }

        let mesh change (layout: Layout) =
            { layout with
                Degrees = change layout.Degrees
            }

        let micro =
            [
                for stages in sizes do
                    let below = layout.MicroBatches / stages * stages
                    max stages below
                    below + stages
                    2 * stages
            ]

        // In the order in which one bounds the next.
        [
            size "parallel.pipeline.size" given.Pipeline sizes (fun n ->
                mesh (fun d -> { d with Pipeline = n }))
            size "parallel.tensor.size" given.Tensor sizes (fun n -> mesh (fun d -> { d with Tensor = n }))
            choice
                "parallel.tensor.mode"
                given.Mode
                [ TensorMode.Mtp; TensorMode.Msp; TensorMode.Fsp; TensorMode.Isp ]
                (fun mode -> mesh (fun d -> { d with Mode = mode }))
            size "parallel.weight.size" given.Weight sizes (fun n -> mesh (fun d -> { d with Weight = n }))
            if facts.Experts > 1 || given.Expert > 1 then
                size "parallel.expert.size" given.Expert sizes (fun n ->
                    mesh (fun d -> { d with Expert = n }))
            if given.Fsdp > 1 then
                size "parallel.fsdp.size" given.Fsdp sizes (fun n -> mesh (fun d -> { d with Fsdp = n }))
            size "parallel.zero1.size" given.Zero sizes (fun n -> mesh (fun d -> { d with Zero = n }))
            choice
                "parallel.pipeline.mode"
                layout.Schedule
                [
                    PipelineMode.OneForwardOneBackward
                    PipelineMode.ZeroBubbleH1
                    PipelineMode.ZeroBubbleV
                ]
                (fun mode l -> { l with Schedule = mode })
            size "model.num_chunks" layout.Chunks [ 1; 2 ] (fun n l -> { l with Chunks = n })
            size "data.micro_num" layout.MicroBatches micro (fun n l -> { l with MicroBatches = n })
            choice "selective_checkpoint" layout.Selective [ false ] (fun keep l ->
                { l with Selective = keep })
            choice
                "hybrid_zero_optimizer.reduce"
                layout.Reduction
                [ GradientReduction.ReduceScatter ]
                (fun reduce l -> { l with Reduction = reduce })
        ]

    /// Every layout that differs in exactly so many settings, with the cost of the change.
    let rec private changed count (settings: Setting list) (layout: Layout) : (float * Layout) seq =
        match count, settings with
        | 0, _ -> Seq.singleton (0.0, layout)
        | _, [] -> Seq.empty
        | _, setting :: rest ->
            Seq.append
                (seq {
                    for cost, change in setting.Others do
                        for more, layout in changed (count - 1) rest (change layout) do
                            cost + more, layout
                })
                (changed count rest layout)

    /// One setting after the other, each brought to its nearest value that nothing stands against.
    let private repaired (facts: ModelFacts) (settings: Setting list) (layout: Layout) =
        let against (setting: Setting) layout =
            Legality.problems facts layout |> List.exists (fun p -> p.Path = setting.Path)

        let step layout (setting: Setting) =
            if against setting layout then
                setting.Others
                |> List.sortBy fst
                |> List.map (fun (_, change) -> change layout)
                |> List.tryFind (against setting >> not)
                |> Option.defaultValue layout
            else
                layout

        List.fold step layout settings

    /// The legal layout on the same number of ranks that differs in the fewest settings, and among those in the smallest
    /// steps; the layout itself where it is legal. Where more than three settings have to change, each in turn is brought
    /// to the nearest value that suits; and where that fails, every rank takes batches of its own, which is legal always.
    let find (facts: ModelFacts) (layout: Layout) : Layout =
        let settings = settings facts layout

        let nearest count =
            changed count settings layout
            |> Seq.filter (fun (_, candidate) -> Legality.isLegal facts candidate)
            |> Seq.fold
                (fun best candidate ->
                    match best with
                    | Some(cost, _) when cost <= fst candidate -> best
                    | _ -> Some candidate)
                None
            |> Option.map snd

        let plain =
            { Layout.Single with
                Degrees =
                    { Degrees.Single with
                        World = max 1 layout.Degrees.World
                        Zero = -1
                    }
                MicroBatches = max 1 layout.MicroBatches
                Recompute = Math.Clamp(layout.Recompute, 0.0, 1.0)
            }

        match seq { 0..3 } |> Seq.tryPick nearest with
        | Some layout -> layout
        | None ->
            let repaired = repaired facts settings layout
            if Legality.isLegal facts repaired then repaired else plain

    /// What has to be written to get from one layout to another: key and value, as `evo train --set` takes them.
    let changes (from: Layout) (goal: Layout) : (string * string) list =
        let a, b = from.Degrees, goal.Degrees

        let modeName (layout: Layout) =
            match layout.Schedule with
            | PipelineMode.OneForwardOneBackward -> "1F1B"
            | _ -> layout.ScheduleName

        [
            "parallel.tensor.size", string a.Tensor, string b.Tensor
            "parallel.tensor.mode", (string a.Mode).ToLowerInvariant(), (string b.Mode).ToLowerInvariant()
            "parallel.pipeline.size", string a.Pipeline, string b.Pipeline
            "parallel.pipeline.mode", modeName from, modeName goal
            "model.num_chunks", string from.Chunks, string goal.Chunks
            "parallel.weight.size", string a.Weight, string b.Weight
            "parallel.zero1.size", string a.Zero, string b.Zero
            "parallel.expert.size", string a.Expert, string b.Expert
            "parallel.fsdp.size", string a.Fsdp, string b.Fsdp
            "data.micro_num", string from.MicroBatches, string goal.MicroBatches
            "model.checkpoint", Json.number from.Recompute, Json.number goal.Recompute
            "selective_checkpoint",
            (string from.Selective).ToLowerInvariant(),
            (string goal.Selective).ToLowerInvariant()
            "hybrid_zero_optimizer.reduce",
            (if from.Reduction = GradientReduction.AllReduce then
                 "all_reduce"
             else
                 "reduce_scatter"),
            (if goal.Reduction = GradientReduction.AllReduce then
                 "all_reduce"
             else
                 "reduce_scatter")
        ]
        |> List.filter (fun (_, before, after) -> before <> after)
        |> List.map (fun (key, _, after) -> key, after)
