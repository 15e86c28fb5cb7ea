namespace Evo.Core

/// How one batch is shared by the ranks of the tensor axis. InternEvo's names; docs/modes.md says what each sends.
type TensorMode =
    /// Features are spread; the residual stream is whole on each rank.
    | Mtp = 0
    /// As mtp, and between the matrices the tokens are spread over the same ranks.
    | Msp = 1
    /// As msp; gathered tokens are gathered again in the backward pass instead of being kept.
    | Fsp = 2
    /// Tokens are spread throughout; weights are spread over an axis of their own and gathered for use.
    | Isp = 3

/// A direction of the mesh: along it lie the ranks that do one thing together.
type MeshAxis =
    /// All ranks.
    | World = 0
    /// Ranks that share one batch; the sequence axis of isp.
    | Tensor = 1
    /// Ranks with batches of their own and the same share of the batch's features or tokens.
    | Data = 2
    /// Ranks that hold one stage each of a whole model.
    | Pipeline = 3
    /// Ranks that hold a share each of every weight and gather it for use (isp).
    | Weight = 4
    /// Ranks that hold the same share of every weight under isp. In other modes weights are not gathered, and these are
    /// all ranks of a stage.
    | WeightData = 5
    /// Ranks over which experts are dealt out.
    | Expert = 6
    /// Ranks that hold the same share of the same experts.
    | ExpertData = 7
    /// Ranks that hold a share each of one expert's matrices.
    | ExpertTensor = 8

/// How many ranks there are and how they are used: what a mesh is made from. Not every value can be built:
/// `DegreeRules.problems` says what stands against one.
type Degrees =
    {
        /// All ranks.
        World: int
        Mode: TensorMode
        /// Ranks that share one batch.
        Tensor: int
        /// Ranks that share each weight; 1 outside isp.
        Weight: int
        /// Stages that the layers are cut into.
        Pipeline: int
        /// Ranks that share the optimizer's state; -1 for all that hold the same weights.
        Zero: int
        /// Ranks that share the experts; 1 for a model without them.
        Expert: int
        /// True where experts are not split over the tensor axis under mtp. Other modes never split them.
        NoTp: bool
        /// Ranks that share each parameter between its uses (FSDP); 1 where every rank keeps it, -1 for all data-parallel ranks.
        Fsdp: int
    }

    /// One rank.
    static member Single =
        {
            World = 1
            Mode = TensorMode.Mtp
            Tensor = 1
            Weight = 1
            Pipeline = 1
            Zero = 1
            Expert = 1
            NoTp = false
            Fsdp = 1
        }

    /// Ranks that hold one stage.
    member degrees.StageSize = degrees.World / degrees.Pipeline

    /// Ranks with batches of their own.
    member degrees.Data = degrees.StageSize / degrees.Tensor

    /// Ranks of a stage that hold the same share of each weight under isp.
    member degrees.WeightData = degrees.StageSize / degrees.Weight

    /// Ranks that share one expert's matrices.
    member degrees.ExpertTensor =
        if degrees.Mode = TensorMode.Mtp && not degrees.NoTp then
            degrees.Tensor
        else
            1

    /// Ranks of a stage that hold the same share of the same experts.
    member degrees.ExpertData = degrees.StageSize / (degrees.ExpertTensor * degrees.Expert)

    /// The ranks among which the optimizer's state of all but experts is shared: those that hold the same weights.
    member degrees.ZeroAxis =
        if degrees.Mode = TensorMode.Isp then
            MeshAxis.WeightData
        else
            MeshAxis.Data

    /// Ranks along an axis.
    member degrees.Size(axis: MeshAxis) =
        match axis with
        | MeshAxis.World -> degrees.World
        | MeshAxis.Tensor -> degrees.Tensor
        | MeshAxis.Data -> degrees.Data
        | MeshAxis.Pipeline -> degrees.Pipeline
        | MeshAxis.Weight -> degrees.Weight
        | MeshAxis.WeightData -> degrees.WeightData
        | MeshAxis.Expert -> degrees.Expert
        | MeshAxis.ExpertData -> degrees.ExpertData
        | MeshAxis.ExpertTensor -> degrees.ExpertTensor
        | other -> raise (System.ArgumentOutOfRangeException(nameof axis, other, "no axis of the mesh"))

    /// The order that an axis belongs to: along the first axis ranks are neighbours, along the last they are furthest
    /// apart. The product of an order's sizes is the world, so that a place on each of its axes is one rank.
    static member Order(axis: MeshAxis) : MeshAxis list =
        match axis with
        | MeshAxis.World -> [ MeshAxis.World ]
        | MeshAxis.Weight
        | MeshAxis.WeightData -> [ MeshAxis.Weight; MeshAxis.WeightData; MeshAxis.Pipeline ]
        | MeshAxis.Expert
        | MeshAxis.ExpertData
        | MeshAxis.ExpertTensor ->
            [
                MeshAxis.ExpertTensor
                MeshAxis.Expert
                MeshAxis.ExpertData
                MeshAxis.Pipeline
            ]
        | _ -> [ MeshAxis.Tensor; MeshAxis.Data; MeshAxis.Pipeline ]

    /// In the words of a person: `msp, world 8: tensor 2, data 2, pipeline 2, zero 2`.
    override degrees.ToString() =
        let sizes =
            [
                "tensor", degrees.Tensor
                "weight", degrees.Weight
                "data", degrees.Data
                "pipeline", degrees.Pipeline
                "zero", degrees.Zero
                "expert", degrees.Expert
                "fsdp", degrees.Fsdp
            ]
            |> List.filter (fun (_, size) -> size <> 1)
            |> List.map (fun (name, size) -> $"{name} {size}")

        let mode = degrees.Mode.ToString().ToLowerInvariant()
        let sizes = if degrees.NoTp then sizes @ [ "no_tp" ] else sizes

        if sizes.IsEmpty then
            $"{mode}, world {degrees.World}"
        else
            let sizes = System.String.Join(", ", sizes)
            $"{mode}, world {degrees.World}: {sizes}"
