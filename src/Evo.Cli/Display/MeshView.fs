/// A mesh: each rank's place on every axis, and who forms a group with whom.
module Evo.Cli.MeshView

open Evo.Core

/// The axes that a mesh has, by the names that people know, in the order of their groups.
let private axes (degrees: Degrees) (experts: bool) : (string * MeshAxis) list =
    let isp = degrees.Mode = TensorMode.Isp

    [
        "tensor", MeshAxis.Tensor
        "data", MeshAxis.Data
        if isp then
            "weight", MeshAxis.Weight
            "weight-data", MeshAxis.WeightData
        if experts then
            "expert-tensor", MeshAxis.ExpertTensor
            "expert", MeshAxis.Expert
            "expert-data", MeshAxis.ExpertData
        "pipeline", MeshAxis.Pipeline
    ]

/// Groups within an axis: who shares the optimizer's state, and the parameters.
let private parts (topology: Topology) (experts: bool) : (string * MeshAxis * int) list =
    let degrees = topology.Degrees

    [
        if degrees.Fsdp > 1 then
            "fsdp", MeshAxis.Data, degrees.Fsdp

            if experts then
                "expert fsdp", MeshAxis.ExpertData, degrees.Fsdp
        else
            "zero", degrees.ZeroAxis, degrees.Zero

            if experts then
                "expert zero", MeshAxis.ExpertData, degrees.Zero
    ]

/// The table of places and the table of groups.
let tables (topology: Topology) (experts: bool) : string list =
    let degrees = topology.Degrees
    let axes = axes degrees experts

    let places =
        Ranks.first
            [ 0 .. degrees.World - 1 ]
            (fun rank -> string rank :: [ for _, axis in axes -> string (topology.PlaceOf(axis, rank)) ])
            (fun more -> $"and {more} more; --json lists all")

    let groups =
        [
            for name, axis in axes do
                [ name; string (degrees.Size axis); Ranks.groups (topology.Groups axis) ]
            for name, parent, size in parts topology experts do
                [
                    name
                    string (topology.PartSize(parent, size))
                    Ranks.groups (topology.Parts(parent, size))
                ]
        ]

    let right = Set.ofList [ 0 .. axes.Length ]

    [
        yield! Terminal.table right (("rank" :: List.map fst axes) :: places)
        ""
        yield! Terminal.table (Set.singleton 1) ([ "axis"; "ranks"; "groups" ] :: groups)
    ]

let json (topology: Topology) (experts: bool) : Json =
    let degrees = topology.Degrees
    let axes = axes degrees experts

    let all groups =
        Json.make (JArray [ for group in groups -> Ranks.list group ])

    let key (name: string) =
        name.Replace(' ', '_').Replace('-', '_')

    Json.makeObject
        [
            "world", Ranks.number degrees.World
            "mode", Json.make (JString((string degrees.Mode).ToLowerInvariant()))
            "ranks",
            Json.make (
                JArray
                    [
                        for rank in 0 .. degrees.World - 1 ->
                            Json.makeObject
                                [
                                    "rank", Ranks.number rank
                                    for name, axis in axes do
                                        key name, Ranks.number (topology.PlaceOf(axis, rank))
                                ]
                    ]
            )
            "groups",
            Json.makeObject
                [
                    for name, axis in axes do
                        key name, all (topology.Groups axis)
                    for name, parent, size in parts topology experts do
                        key name, all (topology.Parts(parent, size))
                ]
        ]
