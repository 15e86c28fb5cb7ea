namespace Evo.Core

/// All legal layouts of a model: enumerated, counted, and made smaller one step at a time.
module Layouts =

    /// The numbers of micro-batches that tell schedules apart: fewer than stages, as many, and twice as many.
    let private microBatches stages =
        List.distinct [ 1; 2; stages; 2 * stages ]

    let private recomputes =
        [ 0.0, false; 0.5, false; 0.5, true; 1.0, false; 1.0, true ]

    /// Schedules with their chunks; three chunks are the first odd number that is no special case.
    let private schedules stages =
        if stages = 1 then
            [ PipelineMode.OneForwardOneBackward, 1 ]
        else
            [
                PipelineMode.OneForwardOneBackward, 1
                PipelineMode.OneForwardOneBackward, 2
                PipelineMode.OneForwardOneBackward, 3
                PipelineMode.ZeroBubbleH1, 1
                PipelineMode.ZeroBubbleV, 2
            ]

    /// The layers of the largest chunk.
    let private mostLayers (facts: ModelFacts) (layout: Layout) =
        (facts.Layers + layout.VirtualStages - 1) / layout.VirtualStages

    /// The plainest layout that runs in the same way: settings without effect have their plain values. The modes of one
    /// tensor rank are all mtp, unless weights are shared; a ZeRO size is a number; nothing is shared twice.
    let canonical (facts: ModelFacts) (layout: Layout) : Layout =
        let given = layout.Degrees

        let mode =
            if given.Tensor = 1 && given.Weight = 1 then
                TensorMode.Mtp
            else
                given.Mode

        let degrees =
            { given with
                Mode = mode
                NoTp = given.NoTp && mode = TensorMode.Mtp && given.Tensor > 1 && facts.Experts > 1
            }

        let degrees =
            { degrees with
                Fsdp =
                    if degrees.Fsdp = -1 then
                        max 1 degrees.Data
                    else
                        degrees.Fsdp
            }

        let degrees =
            { degrees with
                Zero =
                    if degrees.Fsdp > 1 then 1
                    elif degrees.Zero = -1 then degrees.Size degrees.ZeroAxis
                    else degrees.Zero
            }

        let recompute =
            if int (float (mostLayers facts layout) * layout.Recompute) = 0 then
                0.0
            else
                layout.Recompute

        { layout with
            Degrees = degrees
            Recompute = recompute
            Selective = layout.Selective && recompute > 0.0
            Reduction =
                if degrees.Zero = 1 then
                    GradientReduction.ReduceScatter
                else
                    layout.Reduction
        }

    let private meshes (facts: ModelFacts) world : Degrees list =
        [
            for pipeline in DegreeRules.divisors world do
                let stage = world / pipeline

                for tensor in DegreeRules.divisors stage do
                    for mode in [ TensorMode.Mtp; TensorMode.Msp; TensorMode.Fsp; TensorMode.Isp ] do
                        let weights =
                            if mode = TensorMode.Isp then
                                DegreeRules.divisors stage
                            else
                                [ 1 ]

                        for weight in weights do
                            for noTp in [ false; true ] do
                                let shared =
                                    {
                                        World = world
                                        Mode = mode
                                        Tensor = tensor
                                        Weight = weight
                                        Pipeline = pipeline
                                        Zero = 1
                                        Expert = 1
                                        NoTp = noTp
                                        Fsdp = 1
                                    }

                                let experts =
                                    if facts.Experts > 1 then
                                        DegreeRules.divisors (stage / shared.ExpertTensor)
                                        |> List.filter (fun n -> facts.Experts % n = 0)
                                    else
                                        [ 1 ]

                                for expert in experts do
                                    for zero in DegreeRules.divisors (shared.Size shared.ZeroAxis) do
                                        { shared with
                                            Expert = expert
                                            Zero = zero
                                        }

                                    if mode <> TensorMode.Isp && pipeline = 1 then
                                        for fsdp in List.tail (DegreeRules.divisors shared.Data) do
                                            { shared with
                                                Expert = expert
                                                Fsdp = fsdp
                                            }
        ]

    /// Every legal layout of exactly so many ranks, each once: those that say the same as a plainer one are left out.
    let ofWorld (facts: ModelFacts) (world: int) : Layout list =
        let plainest layout = canonical facts layout = layout

        [
            for degrees in meshes facts world do
                let plain = { Layout.Single with Degrees = degrees }

                if
                    plainest plain
                    && Legality.isLegal
                        facts
                        { plain with
                            MicroBatches = 2 * degrees.Pipeline
                        }
                then
                    for schedule, chunks in schedules degrees.Pipeline do
                        for micro in microBatches degrees.Pipeline do
                            for recompute, selective in recomputes do
                                for reduction in
                                    [ GradientReduction.ReduceScatter; GradientReduction.AllReduce ] do
                                    let layout =
                                        {
                                            Degrees = degrees
                                            Schedule = schedule
                                            Chunks = chunks
                                            MicroBatches = micro
                                            Recompute = recompute
                                            Selective = selective
                                            Reduction = reduction
                                        }

                                    if plainest layout && Legality.isLegal facts layout then
                                        layout
        ]

    /// Every legal layout of up to so many ranks, from one rank on.
    let enumerate (facts: ModelFacts) (world: int) : Layout list =
        [ 1..world ] |> List.collect (ofWorld facts)

    /// The settings of a layout as one number each, none below its plainest value. A layout made smaller has none larger.
    let sizes (layout: Layout) =
        let degrees = layout.Degrees

        [
            degrees.World
            degrees.Pipeline
            degrees.Tensor
            degrees.Weight
            degrees.Zero
            degrees.Expert
            degrees.Fsdp
            int degrees.Mode
            System.Convert.ToInt32 degrees.NoTp
            int layout.Schedule
            layout.Chunks
            layout.MicroBatches
            int (layout.Recompute * 2.0)
            System.Convert.ToInt32 layout.Selective
            int layout.Reduction
        ]

    /// The sizes of what is left, once ranks along some axes went.
    let private fitted (degrees: Degrees) =
        let degrees =
            if degrees.World % degrees.Pipeline = 0 && degrees.StageSize % degrees.Weight <> 0 then
                { degrees with
                    Weight = DegreeRules.gcd degrees.Weight degrees.StageSize
                }
            else
                degrees

        { degrees with
            Zero = DegreeRules.gcd degrees.Zero (max 1 (degrees.Size degrees.ZeroAxis))
            Fsdp = DegreeRules.gcd degrees.Fsdp (max 1 degrees.Data)
            Expert =
                let places = degrees.StageSize / degrees.ExpertTensor
                DegreeRules.gcd degrees.Expert (max 1 places)
        }

    /// Smaller sizes, the smallest first, so that a shrinker jumps as far as it can.
    let private below size = [ 1 .. size - 1 ]

    /// Smaller sizes of what is a part of something.
    let private parts size =
        DegreeRules.divisors size |> List.filter (fun n -> n < size)

    /// Legal layouts that are a step smaller: fewer ranks first, then a plainer schedule, fewer micro-batches, less sharing.
    /// None is larger in anything, so that a chain of them ends, at one rank with one micro-batch.
    let smaller (facts: ModelFacts) (layout: Layout) : Layout list =
        let given = layout.Degrees

        let on degrees =
            { layout with Degrees = fitted degrees }

        let stagesLeft stages (layout: Layout) =
            if stages = 1 then
                { layout with
                    Schedule = PipelineMode.OneForwardOneBackward
                    Chunks = 1
                }
            else
                layout

        let candidates =
            [
                for stages in below given.Pipeline do
                    let less =
                        on
                            { given with
                                World = given.StageSize * stages
                                Pipeline = stages
                            }

                    stagesLeft stages less

                    stagesLeft
                        stages
                        { less with
                            MicroBatches = max 1 (layout.MicroBatches * stages / given.Pipeline)
                        }
                for tensor in below given.Tensor do
                    on
                        { given with
                            World = given.Data * tensor * given.Pipeline
                            Tensor = tensor
                        }
                for data in below given.Data do
                    on
                        { given with
                            World = given.Tensor * data * given.Pipeline
                        }
                if layout.Schedule <> PipelineMode.OneForwardOneBackward then
                    { layout with
                        Schedule = PipelineMode.OneForwardOneBackward
                        Chunks = 1
                    }
                for chunks in 1 .. layout.Chunks - 1 do
                    { layout with Chunks = chunks }
                for micro in 1 .. layout.MicroBatches - 1 do
                    { layout with MicroBatches = micro }
                for mode in [ TensorMode.Mtp; TensorMode.Msp; TensorMode.Fsp ] do
                    if mode < given.Mode then
                        on { given with Mode = mode; Weight = 1 }
                for weight in parts given.Weight do
                    on { given with Weight = weight }
                for zero in parts given.Zero do
                    { layout with
                        Degrees = { given with Zero = zero }
                    }
                for fsdp in parts given.Fsdp do
                    { layout with
                        Degrees = { given with Fsdp = fsdp }
                    }
                for expert in parts given.Expert do
                    { layout with
                        Degrees = { given with Expert = expert }
                    }
                { layout with
                    Degrees = { given with NoTp = false }
                }
                for recompute, selective in recomputes do
                    { layout with
                        Recompute = recompute
                        Selective = selective
                    }
                { layout with
                    Reduction = GradientReduction.ReduceScatter
                }
            ]

        let now = sizes layout

        let isSmaller candidate =
            let then' = sizes candidate
            then' <> now && List.forall2 (<=) then' now

        candidates
        |> List.map (canonical facts)
        |> List.filter (fun candidate -> isSmaller candidate && Legality.isLegal facts candidate)
        |> List.distinct

    /// The settings that a layout is a choice of, each with its value as text: the axes of a covering array.
    let axes: (string * (Layout -> string)) list =
        [
            "world", (fun l -> string l.Degrees.World)
            "mode", (fun l -> string l.Degrees.Mode)
            "tensor", (fun l -> string l.Degrees.Tensor)
            "weight", (fun l -> string l.Degrees.Weight)
            "data", (fun l -> string l.Degrees.Data)
            "pipeline", (fun l -> string l.Degrees.Pipeline)
            "zero", (fun l -> string l.Degrees.Zero)
            "fsdp", (fun l -> string l.Degrees.Fsdp)
            "expert", (fun l -> string l.Degrees.Expert)
            "no_tp", (fun l -> string l.Degrees.NoTp)
            "schedule", (fun l -> $"{l.ScheduleName} x {l.Chunks}")
            "micro-batches", (fun l -> string l.MicroBatches)
            "recompute",
            (fun l ->
                if l.Selective then
                    $"{l.Recompute} selective"
                else
                    string l.Recompute)
            "reduce", (fun l -> string l.Reduction)
        ]
