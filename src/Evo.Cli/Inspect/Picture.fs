/// A data flow drawn as SVG: rows by depth, boxes coloured by placement, collectives with the bytes that they send.
module Evo.Cli.Picture

open System
open System.Net
open Evo.Cli.Flow

let private boxWidth, private boxHeight, private rowHeight = 190, 62, 104
let private gap, private lane = 22, 26

/// A place in a row: a node, or the passage of an edge that goes further down.
type private Item =
    {
        Node: Node option
        Key: string
        Row: int
        Above: string list
    }

let private escape (text: string) = WebUtility.HtmlEncode text |> nonNull

let private depths (nodes: Node list) =
    (Map.empty, nodes)
    ||> List.fold (fun (depth: Map<string, int>) node ->
        let above = node.From |> List.choose depth.TryFind
        depth.Add(node.Name, (if above.IsEmpty then 0 else 1 + List.max above)))

/// Weights come to where they are used, not all to the top.
let private lowered (nodes: Node list) =
    let depth = depths nodes

    nodes
    |> List.map (fun node ->
        let readers =
            nodes
            |> List.filter (fun other -> List.contains node.Name other.From)
            |> List.map (fun other -> depth[other.Name])

        if node.From.IsEmpty && node.Operation <> "Input" && not readers.IsEmpty then
            node.Name, max 0 (List.min readers - 1)
        else
            node.Name, depth[node.Name])
    |> Map.ofList

let private items (nodes: Node list) =
    let row = lowered nodes

    [
        for node in nodes do
            let above =
                [
                    for source in node.From do
                        if row.ContainsKey source then
                            if row[node.Name] - row[source] > 1 then
                                $"{source}>{node.Name}>{row[node.Name] - 1}"
                            else
                                source
                ]

            {
                Node = Some node
                Key = node.Name
                Row = row[node.Name]
                Above = above
            }

            for source in node.From do
                if row.ContainsKey source then
                    for passing in row[source] + 1 .. row[node.Name] - 1 do
                        {
                            Node = None
                            Key = $"{source}>{node.Name}>{passing}"
                            Row = passing
                            Above =
                                [
                                    if passing = row[source] + 1 then
                                        source
                                    else
                                        $"{source}>{node.Name}>{passing - 1}"
                                ]
                        }
    ]

let private widthOf item =
    if item.Node.IsSome then boxWidth + gap else lane

/// The middle of every item: rows from the top, each in the order of the middles of what stands above.
let private placed (items: Item list) =
    let rows = items |> List.groupBy _.Row |> List.sortBy fst
    let widest = rows |> List.map (fun (_, row) -> List.sumBy widthOf row) |> List.max

    let places =
        (Map.empty, rows)
        ||> List.fold (fun (places: Map<string, int>) (_, row) ->
            let aim item =
                match item.Above |> List.choose places.TryFind with
                | [] -> float widest
                | above -> List.averageBy float above

            let ordered = List.sortBy aim row
            let mutable left = (widest - List.sumBy widthOf row) / 2

            (places, ordered)
            ||> List.fold (fun places item ->
                let middle = left + widthOf item / 2
                left <- left + widthOf item
                places.Add(item.Key, middle)))

    places, widest, List.length rows

let private kind (node: Node) =
    match node.Placement with
    | "" -> "one"
    | "R" -> "whole"
    | "I" -> "same"
    | "P" -> "part"
    | _ -> "shard"

let private box (x: int) (y: int) (node: Node) =
    let text dy style (words: string) =
        $"<text x=\"{x}\" y=\"{y + dy}\" class=\"{style}\">{escape words}</text>"

    let site =
        match node.Cost with
        | Some cost -> $" site {cost.Site.Number}"
        | None -> ""

    let talks = if node.Cost.IsSome then " talks" else ""

    let bytes =
        match node.Cost with
        | Some cost when cost.Bytes > 0L ->
            let forward, backward =
                Terminal.bytes cost.ForwardBytes, Terminal.bytes cost.BackwardBytes

            $"forward {forward}, backward {backward}"
        | _ -> ""

    let placement = if node.Placement = "" then "" else "  " + node.Placement

    [
        $"<g class=\"{kind node}{talks}\"><title>{escape node.Name}: {escape node.Operation}{site} {escape bytes}</title>"
        $"<rect x=\"{x - boxWidth / 2}\" y=\"{y}\" width=\"{boxWidth}\" height=\"{boxHeight}\" rx=\"8\"/>"
        text 18 "name" (node.Name + placement)
        text 35 "what" (node.Operation + site)
        text 52 "what" (if bytes <> "" then bytes else $"[{node.Shape}]")
        "</g>"
    ]

/// The picture.
let draw (nodes: Node list) : string =
    let items = items nodes
    let places, width, rows = placed items
    let top row = 10 + row * rowHeight

    let edges =
        [
            for item in items do
                for above in item.Above do
                    let source = items |> List.find (fun other -> other.Key = above)
                    let x1, x2 = places[above], places[item.Key]

                    // A passage is a line through its row: what follows begins at its lower end.
                    let y1 = top source.Row + boxHeight
                    let y2 = top item.Row
                    let middle = (y1 + y2) / 2
                    $"<path d=\"M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}\"/>"

                if item.Node.IsNone then
                    $"<path d=\"M{places[item.Key]} {top item.Row} V{top item.Row + boxHeight}\"/>"
        ]

    let boxes =
        items
        |> List.collect (fun item ->
            match item.Node with
            | Some node -> box places[item.Key] (top item.Row) node
            | None -> [])

    let height = top rows

    [
        $"<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">"
        "<g class=\"edges\">"
        yield! edges
        "</g>"
        yield! boxes
        "</svg>"
    ]
    |> String.concat "\n"
