module Evo.Core.Tests.CoveringTests

open System
open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Meshes
open Evo.Core.Tests.Properties

/// All combinations of a strength in some items, without the cleverness of what is tested.
let private combinations strength (items: 'a seq) (axes: (string * ('a -> string)) list) =
    let rec choose count axes =
        match count, axes with
        | 0, _ -> [ [] ]
        | _, [] -> []
        | _, axis :: rest -> [ for chosen in choose (count - 1) rest -> axis :: chosen ] @ choose count rest

    let found = HashSet<string>()

    for item in items do
        for chosen in choose strength axes do
            chosen
            |> List.map (fun (name, value) -> name + "=" + value item)
            |> String.concat ","
            |> found.Add
            |> ignore

    found

[<Fact>]
let ``every pair of settings of a legal layout is in the array, and every layout of it is legal`` () =
    let layouts = List.ofArray smallLayouts.Value
    let array = Covering.array 2 layouts Layouts.axes
    let wanted = combinations 2 layouts Layouts.axes
    Assert.True(wanted.SetEquals(combinations 2 array Layouts.axes))
    Assert.Empty(array |> List.filter (fun layout -> not (List.contains layout layouts)))
    // A covering array is worth its name when it is much smaller.
    Assert.True(array.Length * 20 < layouts.Length, $"{array.Length} of {layouts.Length}")

[<Fact>]
let ``every triple is in the array of triples`` () =
    let layouts = Layouts.enumerate small 4
    let array = Covering.array 3 layouts Layouts.axes
    Assert.True((combinations 3 layouts Layouts.axes).SetEquals(combinations 3 array Layouts.axes))
    Assert.True(array.Length < layouts.Length)

[<Fact>]
let ``where items cost something, every pair is in an array that costs less`` () =
    let layouts = List.ofArray smallLayouts.Value

    let cost (layout: Layout) =
        float (layout.Degrees.World * layout.MicroBatches)

    let plain = Covering.array 2 layouts Layouts.axes
    let cheap = Covering.cheapArray 2 cost layouts Layouts.axes
    Assert.True((combinations 2 layouts Layouts.axes).SetEquals(combinations 2 cheap Layouts.axes))
    let costs = List.sumBy cost cheap, List.sumBy cost plain
    Assert.True(fst costs < snd costs, $"{costs}, {cheap.Length} and {plain.Length} layouts")

[<Fact>]
let ``an array of anything covers what it is made of, and no item of it can be spared`` () =
    let items =
        Gen.listOf (Gen.listOfLength 4 (Gen.choose (0, 2)))
        |> Gen.map (List.truncate 40)

    let axes =
        [ for axis in 0..3 -> string axis, (fun (item: int list) -> string item[axis]) ]

    let fewer (items: int list list) =
        seq { for i in 0 .. items.Length - 1 -> List.removeAt i items }

    law
        (Gen.zip (Gen.choose (1, 3)) items)
        (fun (k, items) -> Seq.map (fun less -> k, less) (fewer items))
        (fun (strength, items) ->
            let array = Covering.array strength items axes
            let covered = combinations strength array axes

            ((combinations strength items axes).SetEquals covered,
             fewer array
             |> Seq.exists (fun less -> (combinations strength less axes).SetEquals covered))
            =? (true, false))

[<Fact>]
let ``the same layouts give the same array`` () =
    let layouts = Layouts.enumerate small 4

    Assert.Equal<Layout list>(
        Covering.array 2 layouts Layouts.axes,
        Covering.array 2 (List.ofSeq layouts) Layouts.axes
    )
