/// A block's data flow as a picture's nodes: values, and the collectives that bring them from one placement to another.
module Evo.Cli.Flow

open System
open Evo.Models

type Node =
    {
        Name: string
        /// What makes it, in words.
        Operation: string
        /// Shape of the whole value.
        Shape: string
        /// How it lies on the ranks; empty on one device.
        Placement: string
        From: string list
        /// The place at which ranks talk to make it.
        Cost: SiteCost option
    }

let private isIn (layer: int option) (found: Nullable<int>) =
    match layer with
    | Some index -> found = Nullable index
    | None -> not found.HasValue

/// The nodes of the model's own part or of a layer, in order. Names and pieces of other values are left out: what reads them
/// reads the value itself.
let nodes (found: ModeInspection) (layer: int option) : Node list =
    let values =
        found.Plan.Values
        |> Seq.filter (fun value -> isIn layer value.Layer)
        |> List.ofSeq

    let costs =
        found.Costs
        |> Seq.filter (fun cost -> isIn layer cost.Site.Layer && cost.Site.Makes <> "")
        |> Seq.map (fun cost -> cost.Site.Makes, cost)
        |> Map.ofSeq

    let passes (value: ValueLife) =
        value.From.Count = 1 && (value.Operation = "split" || value.Operation = "Alias")

    let behind =
        (Map.empty, values)
        ||> List.fold (fun (behind: Map<string, string>) value ->
            if passes value then
                let source = value.From[0]
                behind.Add(value.Name, behind.TryFind source |> Option.defaultValue source)
            else
                behind)

    [
        for value in values do
            if not (passes value) then
                {
                    Name = value.Name
                    Operation = value.Operation
                    Shape = value.Shape
                    Placement = value.Placement
                    From =
                        value.From
                        |> Seq.map (fun name -> behind.TryFind name |> Option.defaultValue name)
                        |> Seq.distinct
                        |> List.ofSeq
                    Cost = costs.TryFind value.Name
                }
    ]

/// The record whose forward a block is.
let title (found: ModeInspection) (layer: int option) =
    found.Plan.Blocks
    |> Seq.pick (fun struct (index, record) ->
        if isIn layer index then
            Some(record.Substring(record.LastIndexOf '.' + 1))
        else
            None)

/// The model's own part, then the first layer of each kind with the number of layers that are like it.
let blocks (found: ModeInspection) : (int option * int) list =
    (None, 1)
    :: [ for struct (first, count) in found.LayerKinds() -> Some first, count ]
