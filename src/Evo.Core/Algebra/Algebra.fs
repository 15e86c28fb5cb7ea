namespace Evo.Core

open System.Collections.Generic

/// What moves between the ranks, or within each.
[<RequireQualifiedAccess>]
type Wire =
    | NoWire
    | AllReduce
    | AllGather
    | ReduceScatter
    | AllToAll
    | Slice
    | Pad
    | Keep

    /// As in the table.
    override wire.ToString() =
        match wire with
        | Wire.NoWire -> "none"
        | Wire.AllReduce -> "all_reduce"
        | Wire.AllGather -> "all_gather"
        | Wire.ReduceScatter -> "reduce_scatter"
        | Wire.AllToAll -> "all_to_all"
        | Wire.Slice -> "slice"
        | Wire.Pad -> "pad"
        | Wire.Keep -> "keep"

    static member All =
        [
            Wire.NoWire
            Wire.AllReduce
            Wire.AllGather
            Wire.ReduceScatter
            Wire.AllToAll
            Wire.Slice
            Wire.Pad
            Wire.Keep
        ]

/// What a rank sends to each other rank: parts (an n-th of the tensor) and crumbs (an n-th of a part).
[<Struct>]
type WireCost = { Parts: int; Crumbs: int }

/// A typed step between two placements that leaves the value as it is.
type Collective =
    {
        Name: string
        From: PlacementKind
        To: PlacementKind
        Wire: Wire
        /// The collective that its backward is.
        Dual: string
    }

    override collective.ToString() =
        $"{collective.Name} {collective.From} -> {collective.To} {collective.Wire} dual {collective.Dual}"

/// Placements of an operator's inputs under which every rank may run it on what it holds, and what comes out.
type OperatorRule =
    {
        Inputs: PlacementPattern list
        Output: PlacementPattern
        Conditions: DimCondition list
    }

    override rule.ToString() =
        let inputs = rule.Inputs |> List.map string |> String.concat ", "

        let conditions =
            match rule.Conditions with
            | [] -> ""
            | conditions -> " if " + (conditions |> List.map string |> String.concat ", ")

        $"{inputs} -> {rule.Output}{conditions}"

/// One input of an operator: `integer name[..., a, b]`.
type OperatorInput =
    {
        Name: string
        /// Whether it has no gradient.
        Integer: bool
        /// Whether any number of dims stands before those that have a name.
        Open: bool
        Dims: string list
    }

    override input.ToString() =
        let dims = (if input.Open then [ "..." ] else []) @ input.Dims |> String.concat ", "
        (if input.Integer then "integer " else "") + $"{input.Name}[{dims}]"

/// An operator with all placements under which it is local.
type Operator =
    {
        Name: string
        Inputs: OperatorInput list
        /// Names of the dims that a view is told.
        Parameters: string list
        Conditions: DimCondition list
        Rules: OperatorRule list
    }

    /// The line of the table that begins it.
    override operator.ToString() =
        let listed before items =
            if List.isEmpty items then
                ""
            else
                before + (items |> List.map string |> String.concat ", ")

        let inputs = listed "" operator.Inputs
        let by = listed " by " operator.Parameters
        let conditions = listed " where " operator.Conditions
        $"operator {operator.Name} ({inputs}){by}{conditions}"

    /// The placement of what comes out, or none where the placements of the inputs are not listed.
    member operator.Output
        (inputs: IReadOnlyList<Placement>, ranks: IReadOnlyList<int>, parameters: IReadOnlyList<int>)
        : Placement option =
        let fits =
            inputs.Count = operator.Inputs.Length
            && ranks.Count = inputs.Count
            && parameters.Count = operator.Parameters.Length
            && operator.Inputs
               |> List.indexed
               |> List.forall (fun (i, input) ->
                   let dims = input.Dims.Length

                   (ranks[i] = dims || input.Open && ranks[i] > dims)
                   && match inputs[i] with
                      | Sharded dim -> dim >= 0 && dim < ranks[i]
                      | _ -> true)

        let start () =
            {
                Ranks = operator.Inputs |> List.mapi (fun i input -> input.Name, ranks[i])
                Names =
                    operator.Parameters
                    |> List.mapi (fun i name -> name, parameters[i])
                    |> Map.ofList
            }

        // A name that is not bound yet is bound by the first S(name).
        let bind (environment: DimEnvironment option) (pattern, placement) =
            environment
            |> Option.bind (fun environment ->
                match pattern, placement with
                | ShardedOn { Terms = [ true, DimTerm.Name name ] }, Sharded dim when
                    not (environment.Names.ContainsKey name)
                    ->
                    Some
                        { environment with
                            Names = environment.Names.Add(name, dim)
                        }
                | ShardedOn sum, Sharded dim when environment.Value sum = Some dim -> Some environment
                | OneOf kinds, placement when List.contains (PlacementKind.Of placement) kinds ->
                    Some environment
                | _ -> None)

        let outcome start (rule: OperatorRule) =
            (Some start, Seq.zip rule.Inputs inputs)
            ||> Seq.fold bind
            |> Option.filter (fun environment -> rule.Conditions |> List.forall environment.Holds)
            |> Option.bind (fun environment ->
                match rule.Output with
                | ShardedOn sum -> environment.Value sum |> Option.map Sharded
                | OneOf(PlacementKind.R :: _) -> Some Replicated
                | OneOf(PlacementKind.I :: _) -> Some Invariant
                | OneOf _ -> Some Partial)

        if not fits then
            None
        else
            let start = start ()

            if operator.Conditions |> List.forall start.Holds then
                operator.Rules |> List.tryPick (outcome start)
            else
                None

/// A collective between two given placements of one tensor.
type CollectiveStep =
    {
        Collective: Collective
        From: Placement
        To: Placement
    }

    override step.ToString() =
        $"{step.Collective.Name} {step.From} -> {step.To}"

/// The table: a value, so that tests can ask what a wrong one would lead to. `Algebra.Standard` is the one in algebra.txt.
type Algebra =
    {
        /// The placement of the gradient, for each placement.
        Gradients: Map<PlacementKind, PlacementKind>
        Costs: Map<Wire, WireCost>
        /// In the order of the table.
        Collectives: Collective list
        /// In the order of the table.
        Operators: Operator list
    }

    /// The placement of the gradient of a tensor that is placed so.
    member algebra.Gradient(placement: Placement) : Placement =
        match algebra.Gradients[PlacementKind.Of placement], placement with
        | PlacementKind.R, _ -> Replicated
        | PlacementKind.I, _ -> Invariant
        | PlacementKind.S, Sharded dim -> Sharded dim
        | _ -> Partial

    /// The placement of an operator's output; none where the table does not list the placements of the inputs.
    /// `ranks` are the numbers of dims of the inputs, `parameters` the dims that a view is told.
    member algebra.Output
        (
            operator: string,
            inputs: IReadOnlyList<Placement>,
            ranks: IReadOnlyList<int>,
            parameters: IReadOnlyList<int>
        ) : Placement option =
        algebra.Operators
        |> List.tryFind (fun candidate -> candidate.Name = operator)
        |> Option.bind (fun operator -> operator.Output(inputs, ranks, parameters))

    /// The one collective between two placements; none where they are equal or the table has no such collective.
    member algebra.Step(source: Placement, target: Placement) : CollectiveStep option =
        if source = target then
            None
        else
            algebra.Collectives
            |> List.tryFind (fun collective ->
                collective.From = PlacementKind.Of source
                && collective.To = PlacementKind.Of target)
            |> Option.map (fun collective ->
                {
                    Collective = collective
                    From = source
                    To = target
                })

    /// The step that the backward of a step is: from the gradient of what it gave to the gradient of what it took.
    /// None where a table that was made by hand names no such collective.
    member algebra.Dual(step: CollectiveStep) : CollectiveStep option =
        algebra.Collectives
        |> List.tryFind (fun collective -> collective.Name = step.Collective.Dual)
        |> Option.map (fun dual ->
            {
                Collective = dual
                From = algebra.Gradient step.To
                To = algebra.Gradient step.From
            })
