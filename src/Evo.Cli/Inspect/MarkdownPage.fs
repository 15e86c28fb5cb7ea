/// A model's own page of documentation, written from its record: Markdown with Mermaid flowcharts.
module Evo.Cli.MarkdownPage

open System
open Evo.Models
open Evo.Cli.Flow

// Bars end a cell.
let private cell (text: string) = text.Replace("|", "\\|")

let private table (table: Tables.Table) =
    match table.Rows with
    | [] -> []
    | header :: rows ->
        let line cells =
            "| " + (cells |> List.map cell |> String.concat " | ") + " |"

        let rule =
            "|"
            + (header
               |> List.mapi (fun column _ -> if table.Numbers.Contains column then "--:|" else "---|")
               |> String.concat "")

        [ $"## {table.Title}"; ""; line header; rule; yield! List.map line rows; "" ]

/// The flowchart of a block.
let mermaid (nodes: Node list) =
    let names = nodes |> List.map _.Name |> Set.ofList

    [
        "```mermaid"
        "flowchart TD"
        for node in nodes do
            let placement = if node.Placement = "" then "" else $" {node.Placement}"

            let sent =
                match node.Cost with
                | Some cost -> $"<br/>site {cost.Site.Number}"
                | None -> ""

            let text = $"{node.Name}{placement}<br/>{node.Operation}<br/>[{node.Shape}]{sent}"

            if node.Cost.IsSome then
                $"    {node.Name}([\"{text}\"])"
            else
                $"    {node.Name}[\"{text}\"]"

            for source in node.From do
                if names.Contains source then
                    $"    {source} --> {node.Name}"
        "```"
        ""
    ]

/// What is done to a tensor of a Hugging Face folder on the way in.
let private steps (info: ParameterInfo) =
    [
        if info.Transposed then
            "transpose"
        if info.Pieces.Count > 0 then
            $"stack over {info.Pieces.Count} experts"
        for tied in info.TiedNames do
            $"tied with {tied}"
    ]
    |> function
        | [] -> "as it is"
        | steps -> String.Join("; ", steps)

let private mapping (spec: CausalLM) : Tables.Table =
    let fold (name: string) (layer: Nullable<int>) =
        if layer.HasValue then
            name.Replace($".{layer.Value}.", ".{layer}.")
        else
            name

    let rows =
        [
            for p in spec.Parameters ->
                [
                    fold p.Name p.Layer
                    fold p.HuggingFaceName p.Layer
                    Tables.shape p.HuggingFaceShape
                    steps p
                ]
        ]
        |> List.distinct

    {
        Title = "From and to a Hugging Face folder"
        Numbers = Set.empty
        Rows = [ "parameter"; "tensor in the folder"; "its shape there"; "step" ] :: rows
    }

let private keys (spec: CausalLM) : Tables.Table =
    {
        Title = "Keys of a configuration"
        Numbers = Set.empty
        Rows =
            [ "key"; "default"; "meaning" ]
            :: [
                for key in spec.Family.Keys.Keys ->
                    [
                        $"`model.{key.Name}`"
                        (if key.Required then "required" else $"`{key.Default}`")
                        key.Doc
                    ]
            ]
    }

let private parameters (model: Inspection) : Tables.Table =
    {
        Title = "Parameters"
        Numbers = Set.ofList [ 2; 3 ]
        Rows =
            [ "parameter"; "shape"; "tensors"; "numbers"; "at the start" ]
            :: [
                for g in model.Groups ->
                    [
                        g.Name
                        Tables.shape g.Shape
                        string g.Tensors
                        g.Count.ToString "N0"
                        string g.Init
                    ]
            ]
    }

/// Operations and bytes as polynomials of rows b, tokens of a row s, and degrees t and w.
let private formulas (spec: CausalLM) (found: ModeInspection) =
    let one = spec.FlopsPerStep(1L, 1L)
    let two = spec.FlopsPerStep(1L, 2L)
    let b, s = Polynomial.Batch, Polynomial.Length
    let matrices = Polynomial.op_Implicit (int64 one.Matrices) * b * s
    let square = Polynomial.op_Implicit (int64 one.AttentionFull) * b * s * s

    let length = Math.Max(found.Length, 4096L)

    let pairs =
        let causal = spec.FlopsPerStep(1L, length).AttentionCausal

        if causal = one.AttentionFull / 2.0 * float length * float (length + 1L) then
            string (
                Polynomial.op_Implicit (int64 (two.AttentionFull / 8.0)) * b * s * s
                + Polynomial.op_Implicit (int64 (two.AttentionFull / 8.0)) * b * s
            )
        else
            "fewer: some layers see a window of tokens"

    [
        "## Formulas"
        ""
        "b rows of s tokens; t ranks of the tensor axis, w of the weight axis. A multiply and an add are two operations; the backward pass is twice the forward."
        ""
        $"- forward operations of matrix products: `{matrices}`"
        $"- of attention over the full square: `{square}`; over the pairs that are seen: `{pairs}`"
        let type' = found.Type.ToString().ToLowerInvariant()
        $"- bytes of parameters on each rank ({type'}): `{found.ParameterBytes:N0}`, gradients the same, optimizer state `{found.OptimizerStateBytes:N0}`"
        $"- bytes kept for the backward pass on each rank: `{found.Activations.Bytes(found.Type)}`"
        ""
    ]

/// The page.
let write (spec: CausalLM) (model: Inspection) (found: ModeInspection) : string =
    [
        $"# {model.Family}"
        ""
        spec.Family.Keys.Doc
        ""
        $"{model.Architecture}, {model.ParameterCount:N0} parameters, here in mode {found.Degrees}. Written by `evo inspect --markdown` from the model's record."
        ""
        "## Data flow"
        ""
        for layer, count in Flow.blocks found do
            let more = if count > 1 then $", and {count - 1} more like it" else ""

            match layer with
            | None -> $"{Flow.title found layer}, the model around its layers:"
            | Some index -> $"{Flow.title found layer}, layer {index}{more}:"

            ""
            yield! mermaid (Flow.nodes found layer)
        yield! table (parameters model)
        yield! table (mapping spec)
        yield! table (keys spec)
        yield! formulas spec found
        yield!
            Tables.ofMode spec model found
            |> List.filter (fun t -> t.Rows.Length > 1)
            |> List.collect table
    ]
    |> String.concat "\n"
