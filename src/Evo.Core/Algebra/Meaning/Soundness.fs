/// Whether the rules of a table are true: every rank runs the operator on what it holds, and what comes out, put together,
/// is what one device computes; and so for the gradients, in the placements that gradients have.
module Evo.Core.Meaning.Soundness

open System.Collections.Generic
open Evo.Core

/// Everything by the operators' names.
let locals: Map<string, Local> = Map.ofList (LocalArithmetic.all @ LocalViews.all)

/// All placements of a tensor of so many dims.
let placements (rank: int) : Placement list =
    [
        Replicated
        Invariant
        Partial
        for dim in 0 .. rank - 1 do
            Sharded dim
    ]

/// An operator run once, on one device or on one rank.
type private Run =
    {
        Output: Tensor<int64>
        /// The gradients of the inputs, given that of the output.
        Backward: Tensor<int64> -> Tensor<int64> list
    }

let private run (world: Worlds.World) (starts: int list list) (inputs: Tensor<int64> list) : Run =
    let tape = Tape()
    let leaves = inputs |> List.map (Tensor.map tape.Leaf)

    let setting =
        {
            Parameters = world.Parameters
            Sizes = world.Sizes
            Wholes = world.Shapes
            Starts = starts
        }

    let output = locals[world.Operator] tape setting leaves

    {
        Output = Tensor.map tape.Value output
        Backward =
            fun gradient ->
                if gradient.Shape <> output.Shape then
                    Tensor.refuse $"a gradient of shape {gradient.Shape} for {output.Shape}"

                let gradients = tape.Gradients(Seq.zip output.Data gradient.Data)
                leaves |> List.map (Tensor.map gradients)
    }

/// What one device computes in a world, and the numbers that it is given.
[<Sealed>]
type Trial(algebra: Algebra, operator: Operator, world: Worlds.World, splitter: uint64 -> Sharding.Splitter) =
    let inputs =
        [
            for i, (input, shape) in Seq.indexed (Seq.zip operator.Inputs world.Shapes) ->
                let numbers = Tensor.random (uint64 (100 + i)) shape

                if input.Integer then
                    numbers |> Tensor.map (fun x -> abs x % int64 world.Below)
                else
                    numbers
        ]

    let whole =
        run world [ for shape in world.Shapes -> shape |> List.map (fun _ -> 0) ] inputs

    let gradient = Tensor.random 7UL whole.Output.Shape
    let gradients = whole.Backward gradient

    let startOf rank (shape: int list) placement =
        shape
        |> List.mapi (fun dim size ->
            if placement = Sharded dim then
                Sharding.start world.Ranks size rank
            else
                0)

    /// The numbers of dims of the inputs.
    member _.Dims = world.Shapes |> List.map _.Length

    /// Every placement of what comes out that is true for these placements of the inputs.
    member _.Truths(places: Placement list) : Placement list =
        let pieces =
            List.zip inputs places
            |> List.mapi (fun i (input, place) ->
                Sharding.shard (splitter (uint64 (20 + i))) world.Ranks place input)

        let runs =
            try
                [
                    for rank in 0 .. world.Ranks - 1 ->
                        run
                            world
                            (List.map2 (startOf rank) world.Shapes places)
                            (pieces |> List.map (fun piece -> piece[rank]))
                ]
            with :? MisfitException ->
                []

        let outputs = runs |> List.map _.Output

        let gradientsHold output =
            try
                let upstream =
                    Sharding.shard (splitter 40UL) world.Ranks (algebra.Gradient output) gradient

                let backward = List.map2 (fun run gradient -> run.Backward gradient) runs upstream

                List.zip operator.Inputs places
                |> List.indexed
                |> List.forall (fun (i, (input, place)) ->
                    input.Integer
                    || (backward
                        |> List.map (fun gradients -> gradients[i])
                        |> Sharding.unshard (algebra.Gradient place))
                        =
                        Ok gradients[i])
            with :? MisfitException ->
                false

        if runs.IsEmpty then
            []
        else
            placements whole.Output.Shape.Length
            |> List.filter (fun output ->
                Sharding.unshard output outputs = Ok whole.Output && gradientsHold output)

/// What was found in a table.
type Finding =
    {
        World: Worlds.World
        Inputs: Placement list
        /// What the table says comes out.
        Listed: Placement option
        /// What is true.
        True: Placement list
    }

    override finding.ToString() =
        let show places =
            places |> Seq.map string |> String.concat ", "

        let listed = finding.Listed |> Option.map string |> Option.defaultValue "nothing"

        let truth =
            if finding.True.IsEmpty then
                "nothing"
            else
                show finding.True

        $"{finding.World}: {show finding.Inputs} -> {listed} is listed, {truth} is true"

/// All choices of one item of each list.
let rec private choices (lists: 'a list list) : 'a list list =
    match lists with
    | [] -> [ [] ]
    | first :: rest ->
        let rest = choices rest

        [
            for head in first do
                for tail in rest -> head :: tail
        ]

/// Every combination of placements in a world, what the table says of it and what is true.
let examine
    (splitter: uint64 -> Sharding.Splitter)
    (algebra: Algebra)
    (operator: Operator)
    (world: Worlds.World)
    : Finding list =
    let trial = Trial(algebra, operator, world, splitter)

    [
        for inputs in choices (trial.Dims |> List.map placements) ->
            {
                World = world
                Inputs = inputs
                Listed = algebra.Output(operator.Name, inputs, trial.Dims, world.Parameters)
                True = trial.Truths inputs
            }
    ]

/// Whether the table says what is true: the one placement, or nothing where there is none.
let isRight (finding: Finding) : bool =
    Option.toList finding.Listed = finding.True

/// Everything that is listed and wrong, or true and not listed, of all operators in all worlds that the ranks divide.
let wrong (algebra: Algebra) (ranks: int list) : Finding list =
    [
        for operator in algebra.Operators do
            for n in ranks do
                for world in Worlds.even operator.Name n do
                    yield! examine Sharding.split algebra operator world |> List.filter (isRight >> not)
    ]
