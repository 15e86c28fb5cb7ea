/// A model of whole numbers, so that sums are exact in any order: what every way of sharing out the optimizer must train alike.
module Evo.Parallel.Tests.ToyModel

open System
open System.Collections.Generic
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.Grids
open Evo.Parallel.Tests.OptimizerUpdates
open Evo.Torch
open TorchSharp
open TorchSharp.Modules

/// Rounds; its gradient passes as if it did not. Saves nothing, so that the weight itself is not needed in the backward.
type Rounded() =
    inherit torch.autograd.SingleTensorFunction<Rounded>()
    override _.Name = "Rounded"
    override _.forward(_, vars) = (vars[0] :?> torch.Tensor).round()
    override _.backward(_, gradient) = List [ gradient ]

/// Passes a value on, and does something when its gradient comes by.
type Gate() =
    inherit torch.autograd.SingleTensorFunction<Gate>()
    let mutable act = Action(fun () -> ())
    override _.Name = "Gate"

    override _.forward(_, vars) =
        act <- vars[1] :?> Action
        vars[0] :?> torch.Tensor

    override _.backward(_, gradient) =
        act.Invoke()
        List [ gradient; Unchecked.defaultof<torch.Tensor> ]

let gate (act: unit -> unit) (x: torch.Tensor) = Gate.apply (x, Action act)

/// Blocks between entry and exit.
let layers = 3

let exit = layers + 1
let width = 5L
let vocabulary = 7L

/// Ranks of the data axis; the even ones have expert 0, the odd ones expert 1.
let dataRanks = 4

let private shapes =
    [
        "table", 0, [| vocabulary; width |], true
        for layer in 1..layers do
            $"scale{layer}", layer, [| width |], true
            $"shift{layer}", layer, [| width |], false
        "expert0", 2, [| 8L; width |], true
        "expert1", 2, [| 8L; width |], true
        "head", exit, [| width |], true
    ]

/// The parameters of a rank that has these experts.
let parametersOf (experts: int list) =
    [|
        for name, block, shape, decays in shapes do
            let expert = name.StartsWith "expert"

            if not expert || experts |> List.exists (fun e -> name = $"expert{e}") then
                ShardedParameter(
                    name,
                    shape,
                    block,
                    decays,
                    Class =
                        (if expert then
                             ReductionClass.ExpertData
                         else
                             ReductionClass.Data),
                    UsedAlsoBy = (if name = "table" then Nullable exit else Nullable())
                )
    |]

let private random (key: string) =
    Random(int (CausalLMModule.Stream(5UL, key) % 1000003UL))

let whole (key: string) low high (shape: int64[]) =
    let random = random key

    torch
        .tensor(
            [|
                for _ in 1L .. Array.fold (*) 1L shape -> float (random.Next(low, high + 1))
            |]
        )
        .reshape
        shape

/// The loss of one micro-batch of one data rank, summed over its tokens; a whole number.
let loss (events: BlockEvents) (weights: string -> torch.Tensor) step owner micro =
    let ids what =
        let random = random $"{what}.{step}.{owner}.{micro}"
        torch.tensor [| for _ in 1..3 -> int64 (random.Next(int vocabulary)) |]

    let rounded name = Rounded.apply (weights name)
    events.BeforeForward 0
    let embedded = (rounded "table").index_select(0L, ids "token")
    events.AfterForward 0
    let mutable x = gate (fun () -> events.BeforeBackward 0) embedded

    for layer in 1..layers do
        events.BeforeForward layer
        let input = gate (fun () -> events.AfterBackward layer) x
        let scaled = input * rounded $"scale{layer}" + rounded $"shift{layer}"

        let y =
            if layer = 2 then
                scaled * (rounded $"expert{owner % 2}").sum 0L
            else
                scaled

        events.AfterForward layer
        x <- gate (fun () -> events.BeforeBackward layer) y

    events.BeforeForward exit
    let input = gate (fun () -> events.AfterBackward exit) x

    let sum =
        (input * rounded "head" * (rounded "table").index_select(0L, ids "target")).sum()

    events.AfterForward exit
    gate (fun () -> events.BeforeBackward exit) sum

/// What is compared, by name: the norm of every step, and every parameter's state after the last.
type Trained =
    {
        Norms: float list
        State: Map<string, byte[]>
    }

/// Three steps of one rank; `owners` are the data ranks whose micro-batches it computes.
let train (optimizer: ShardedOptimizer) (owners: int list) =
    use _ = optimizer
    let weights = Dictionary<string, Parameter>()

    for parameter in optimizer.Parameters do
        weights[parameter.Name] <- new Parameter(optimizer.Weights parameter.Name)

    optimizer.Attach(fun name -> weights[name])

    optimizer.ChangeWeights(fun () ->
        use _ = torch.no_grad ()

        for parameter in optimizer.Parameters do
            weights[parameter.Name].copy_(whole parameter.Name -2 2 (Array.ofSeq parameter.Shape))
            |> ignore)

    let state (kinds: StateKind list) =
        [
            for parameter in optimizer.Parameters do
                for kind in kinds ->
                    $"{parameter.Name} {kind}", bits (optimizer.ReadWhole(parameter.Name, kind))
        ]

    let mutable gradients = []

    let norms =
        [
            for step in 1..3 do
                use _ = torch.NewDisposeScope()
                optimizer.ZeroGradient()

                for micro, owner in List.allPairs [ 0; 1 ] owners do
                    use _ = torch.NewDisposeScope()
                    optimizer.LastBackward <- micro = 1 && owner = List.last owners
                    let loss = loss optimizer (fun name -> weights[name]) step owner micro

                    (if optimizer.LossScale = 1.0 then
                         loss
                     else
                         loss * optimizer.LossScale)
                        .backward()

                    optimizer.AfterBackward 0
                    optimizer.Accumulate()

                optimizer.Finish()

                if step = 3 then
                    gradients <- state [ StateKind.Gradient ]

                clippedUpdate optimizer (AdamRates(0.6, 0.9, 0.95, 1e-8, 0.1)) (int64 step) 10.0
        ]

    {
        Norms = norms
        State =
            Map.ofList (
                gradients
                @ state [ StateKind.Weight; StateKind.Master; StateKind.ExpAvg; StateKind.ExpAvgSq ]
            )
    }

/// All on one rank, nothing shared: what everything else is compared with.
let serial =
    lazy
        (train
            (new ShardedOptimizer(parametersOf [ 0; 1 ], ShardingOptions(Dtype = torch.float64)))
            [ 0 .. dataRanks - 1 ])

/// The groups of four data ranks of which `zero` neighbours share what they hold.
let groupsOf (wear: ProcessGroup -> ProcessGroup -> ProcessGroup) (rank: LocalRank) zero withWhole =
    let me = rank.Rank

    let of' (all: int list) zero (names: string) =
        let place = List.findIndex ((=) me) all

        let group name pick =
            rank.Group(
                $"{names}{name}",
                [|
                    for i, r in List.indexed all do
                        if pick i then
                            r
                |]
            )

        let zeroGroup = group "zero" (fun i -> i / zero = place / zero)
        let replicaGroup = group "replica" (fun i -> i % zero = place % zero)

        let whole =
            if withWhole then
                group "whole" (fun _ -> true)
            else
                Unchecked.defaultof<ProcessGroup>

        ReductionGroups(
            wear zeroGroup replicaGroup,
            wear replicaGroup zeroGroup,
            (if withWhole then wear whole replicaGroup else whole)
        )

    let experts =
        [
            for r in 0 .. dataRanks - 1 do
                if r % 2 = me % 2 then
                    r
        ]

    let groups = Dictionary<ReductionClass, ReductionGroups>()
    groups[ReductionClass.Data] <- of' [ 0 .. dataRanks - 1 ] zero ""
    groups[ReductionClass.ExpertData] <- of' experts (min zero 2) "expert-"
    groups

/// One way to share out what an optimizer holds.
type Way =
    {
        /// Data ranks that share.
        Zero: int
        /// Whether all data ranks are known as one group, too.
        Whole: bool
        Reduction: GradientReduction
        Bucket: int64
        Overlap: bool
        Fully: bool
        Ahead: int
        /// Whether master weights are kept in halves, where weights are bfloat16.
        Split: bool
    }

    static member Of zero =
        {
            Zero = zero
            Whole = false
            Reduction = GradientReduction.ReduceScatter
            Bucket = 60L
            Overlap = false
            Fully = false
            Ahead = 1
            Split = false
        }

    member way.Options(dtype, groups, sum: torch.Tensor -> torch.Tensor) =
        ShardingOptions(
            Dtype = dtype,
            Groups = groups,
            BucketElements = way.Bucket,
            Reduction = way.Reduction,
            OverlapReduction = way.Overlap,
            OverlapGather = way.Overlap,
            FullySharded = way.Fully,
            GatherAhead = way.Ahead,
            SplitMaster = (way.Split && dtype = torch.ScalarType.BFloat16),
            SumOverWorld = sum
        )

/// The sum of numbers over all ranks.
let sumOver (everyone: ProcessGroup) (own: torch.Tensor) =
    everyone.AllReduce(own, ReduceOperation.Sum, Site(-1, false))

/// Three steps of four data ranks.
let trainRanks (wear: int -> ProcessGroup -> ProcessGroup -> ProcessGroup) (way: Way) =
    LocalWorld.Results(
        dataRanks,
        fun rank ->
            let groups = groupsOf (wear rank.Rank) rank way.Zero way.Whole

            let options = way.Options(torch.float64, groups, sumOver (rank.Everyone "world"))

            train (new ShardedOptimizer(parametersOf [ rank.Rank % 2 ], options)) [ rank.Rank ]
    )
    |> List.ofArray

/// What a world trained that serial training did not; empty where all is equal to the bit.
let differences (worlds: Trained list) =
    let right = serial.Value

    [
        for rank, found in List.indexed worlds do
            if found.Norms <> right.Norms then
                $"rank {rank}: norms {found.Norms}, not {right.Norms}"

            for KeyValue(name, value) in found.State do
                if value <> right.State[name] then
                    $"rank {rank}: {name}"
    ]
