/// What only the whole table can show to be wrong, each with its line (0 for the whole), what was found and the rule.
module internal Evo.Core.TableChecks

/// What stands a second time, by the line of each.
let twice what (items: (int * string) list) =
    items
    |> List.groupBy snd
    |> List.collect (fun (name, lines) ->
        [
            for line, _ in List.tail lines ->
                line, name, $"this {what} stands on line {fst lines.Head} already"
        ])

/// Each placement stands once, and gradients go there and back.
let placementProblems gradients =
    let kinds = [ PlacementKind.R; PlacementKind.I; PlacementKind.S; PlacementKind.P ]
    let map = gradients |> List.map snd |> Map.ofList

    [
        yield! twice "placement" [ for line, (kind, _) in gradients -> line, string kind ]

        for kind in kinds do
            if not (map.ContainsKey kind) then
                0, string kind, "this placement is missing"

        for line, (kind, gradient) in gradients do
            if
                Map.tryFind gradient map <> Some kind
                || (kind = PlacementKind.S) <> (gradient = PlacementKind.S)
            then
                line,
                string gradient,
                $"the gradient of the gradient of {kind} must be {kind}, and only S has S"
    ]

/// Each step stands once, its wire has a cost, and its dual is there and has the types that it must have.
let collectiveProblems
    (gradients: Map<PlacementKind, PlacementKind>)
    (costs: Map<Wire, WireCost>)
    collectives
    =
    let find name =
        collectives
        |> List.map snd
        |> List.tryFind (fun (collective: Collective) -> collective.Name = name)

    let signature (collective: Collective) = $"{collective.From} -> {collective.To}"

    [
        yield! twice "collective" [ for line, collective in collectives -> line, collective.Name ]
        yield! twice "step" [ for line, collective in collectives -> line, signature collective ]

        for line, collective in collectives do
            if not (costs.ContainsKey collective.Wire) then
                line, string collective.Wire, "the cost of this wire is missing"

            match find collective.Dual with
            | None -> line, collective.Dual, "there is no collective of this name"
            | Some dual ->
                let due = $"{gradients[collective.To]} -> {gradients[collective.From]}"

                if signature dual <> due then
                    line,
                    collective.Dual,
                    $"the dual of {signature collective} must be {due}, and this is {signature dual}"
                elif dual.Dual <> collective.Name then
                    line, collective.Dual, $"the dual of this is {dual.Dual}, and must be {collective.Name}"
    ]

/// Each operator stands once and has rules.
let operatorProblems (operators: (int * Operator) list) =
    [
        yield! twice "operator" [ for line, operator in operators -> line, operator.Name ]

        for line, operator in operators do
            if operator.Rules.IsEmpty then
                line, operator.Name, "this operator has no rule"
    ]
