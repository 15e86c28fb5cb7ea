/// Reads the table line by line. All problems are reported at once.
module internal Evo.Core.TableReader

open System
open System.Collections.Generic

/// One line of the table, read.
type private Entry =
    | PlacementEntry of PlacementKind * gradient: PlacementKind
    | WireEntry of Wire * WireCost
    | CollectiveEntry of Collective
    | OperatorEntry of Operator
    | RuleEntry of OperatorRule

let private placement (line: TableLine) =
    let kind = TableWords.kind line

    let name =
        match kind with
        | PlacementKind.R -> "Replicated"
        | PlacementKind.I -> "Invariant"
        | PlacementKind.S -> "Sharded"
        | PlacementKind.P -> "Partial"

    line.Expect name
    line.Expect "gradient"
    PlacementEntry(kind, TableWords.kind line)

let private wire (line: TableLine) =
    match Wire.All |> List.tryFind (fun wire -> string wire = line.Peek) with
    | Some wire ->
        line.Take(string wire) |> ignore
        wire
    | None ->
        let known = Wire.All |> List.map string |> String.concat ", "
        line.Refuse $"a wire is expected: {known}"

let private wireCost (line: TableLine) =
    let wire = wire line

    if line.Take "nothing" then
        WireEntry(wire, { Parts = 0; Crumbs = 0 })
    else
        let count = line.Int()

        if line.Take "part" || line.Take "parts" then
            WireEntry(wire, { Parts = count; Crumbs = 0 })
        elif line.Take "crumb" || line.Take "crumbs" then
            WireEntry(wire, { Parts = 0; Crumbs = count })
        else
            line.Refuse "'parts' or 'crumbs' is expected"

let private collective (line: TableLine) =
    let name = line.Name "the name of a collective"

    let side () =
        match TableWords.kind line with
        | PlacementKind.S ->
            line.Expect "("
            line.Name "the name of a dim" |> ignore
            line.Expect ")"
            PlacementKind.S
        | kind -> kind

    let source = side ()
    line.Expect "->"
    let target = side ()
    let wire = wire line
    line.Expect "dual"

    CollectiveEntry
        {
            Name = name
            From = source
            To = target
            Wire = wire
            Dual = line.Name "the name of a collective"
        }

let private readOperator (line: TableLine) =
    let name = line.Name "the name of an operator"
    line.Expect "("

    let inputs =
        line.List(fun () ->
            let integer = line.Take "integer"
            let name = line.Name "the name of an input"
            let isOpen, dims = TableWords.dims line

            {
                Name = name
                Integer = integer
                Open = isOpen
                Dims = dims
            })

    line.Expect ")"

    let parameters =
        if line.Take "by" then
            line.List(fun () -> line.Name "the name of a dim")
        else
            []

    let names = inputs |> List.map _.Name

    let conditions =
        if line.Take "where" then
            line.List(fun () -> TableWords.condition line names (fun name -> List.contains name parameters))
        else
            []

    OperatorEntry
        {
            Name = name
            Inputs = inputs
            Parameters = parameters
            Conditions = conditions
            Rules = []
        }

let private rule (line: TableLine) (operator: Operator) =
    let names = operator.Inputs |> List.map _.Name
    let bound = HashSet operator.Parameters

    let inputs =
        line.List(fun () ->
            TableWords.pattern line names bound.Contains (Some(fun name -> bound.Add name |> ignore)))

    if inputs.Length <> names.Length then
        line.Refuse
            $"operator {operator.Name} has {names.Length} inputs, and {inputs.Length} placements stand before '->'"

    line.Expect "->"
    let output = TableWords.pattern line names bound.Contains None

    match output with
    | OneOf(_ :: _ :: _) -> line.Refuse "one placement is expected after '->'"
    | _ -> ()

    let conditions =
        if line.Take "if" then
            line.List(fun () -> TableWords.condition line names bound.Contains)
        else
            []

    RuleEntry
        {
            Inputs = inputs
            Output = output
            Conditions = conditions
        }

let private entry (line: TableLine) (operator: Operator option) =
    let entry =
        if line.Take "placement" then
            placement line
        elif line.Take "wire" then
            wireCost line
        elif line.Take "collective" then
            collective line
        elif line.Take "operator" then
            readOperator line
        else
            match operator with
            | Some operator -> rule line operator
            | None -> line.Refuse "a line begins with placement, wire, collective or operator"

    line.End()
    entry

/// Lines that were read, with their numbers, and the problems of those that were not.
let private entries (text: string) =
    let read = ResizeArray()
    let problems = ResizeArray()
    let mutable operator = None
    // The rules of an operator whose own line was refused are no rules of the operator before it.
    let mutable refused = false

    for i, text in Array.indexed (text.Split '\n') do
        let line = TableLine(i + 1, text)

        if List.contains line.First [ "placement"; "wire"; "collective"; "operator" ] then
            refused <- false

        if not line.IsEmpty && not refused then
            try
                let entry = entry line operator
                read.Add((i + 1, entry))

                match entry with
                | OperatorEntry found -> operator <- Some found
                | _ -> ()
            with TableLineRefused problem ->
                problems.Add problem
                refused <- line.First = "operator"

    List.ofSeq read, List.ofSeq problems

/// Operators with the rules that follow them.
let private withRules entries =
    let folder operators (line, entry) =
        match entry, operators with
        | OperatorEntry operator, _ -> (line, operator) :: operators
        | RuleEntry rule, (at, operator: Operator) :: rest ->
            (at,
             { operator with
                 Rules = operator.Rules @ [ rule ]
             })
            :: rest
        | _ -> operators

    entries |> List.fold folder [] |> List.rev

/// The table of a text, or all that is wrong with it.
let read (text: string) : Result<Algebra, Problem list> =
    let entries, problems = entries text

    let pick choose =
        entries
        |> List.choose (fun (line, entry) -> choose entry |> Option.map (fun found -> line, found))

    let gradients =
        pick (function
            | PlacementEntry(kind, gradient) -> Some(kind, gradient)
            | _ -> None)

    let costs =
        pick (function
            | WireEntry(wire, cost) -> Some(wire, cost)
            | _ -> None)

    let collectives =
        pick (function
            | CollectiveEntry collective -> Some collective
            | _ -> None)

    let operators = withRules entries
    let gradientOf = gradients |> List.map snd |> Map.ofList
    let costOf = costs |> List.map snd |> Map.ofList
    let firstProblems = TableChecks.placementProblems gradients

    let wholeProblems () =
        [
            yield! firstProblems
            yield! TableChecks.twice "wire" [ for line, (wire, _) in costs -> line, string wire ]
            // The types of the collectives mean something only where all placements have a gradient.
            if firstProblems.IsEmpty then
                yield! TableChecks.collectiveProblems gradientOf costOf collectives
            yield! TableChecks.operatorProblems operators
        ]
        |> List.sortBy (fun (line, _, _) -> line)
        |> List.map (fun (line, found, rule) -> TableLine.Problem(line, min line 1, found, rule))

    match (if problems.IsEmpty then wholeProblems () else problems) with
    | [] ->
        Ok
            {
                Gradients = gradientOf
                Costs = costOf
                Collectives = collectives |> List.map snd
                Operators = operators |> List.map snd
            }
    | problems -> Error problems
