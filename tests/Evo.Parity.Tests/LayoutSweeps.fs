/// Every layout of two models and every triple of settings of the others: eight classes, which `./test --full` deals to its shards.
module Evo.Parity.Tests.LayoutSweeps

open Evo.Core
open Evo.Parity.Tests.Layouts
open Xunit

let private classes = 8

/// One layout in eight, so that each part has small and large ones.
let private part (number: int) (layouts: Layout list) =
    layouts
    |> List.indexed
    |> List.filter (fun (i, _) -> i % classes = number)
    |> List.map snd

let private wholeOf = [ "LLAMA2"; "MIXTRALMOE" ]

/// The families of which not every layout is run.
type Others =
    static member Names =
        let data = TheoryData<string>()

        for family in Evo.Models.ModelFamilies.All do
            if not (List.contains family.Name wholeOf) then
                data.Add family.Name

        data

[<AbstractClass>]
type Sweep(number: int) =

    [<Theory; InlineData("LLAMA2"); InlineData("MIXTRALMOE"); Trait("Category", "Full")>]
    member _.``every legal layout is one device``(name: string) =
        let legal = legal name
        compare name legal.Length (part number legal)

    [<Theory; MemberData("Names", MemberType = typeof<Others>); Trait("Category", "Full")>]
    member _.``every three settings that go together are one device``(name: string) =
        let legal = legal name
        compare name legal.Length (part number (Covering.cheapArray 3 cost legal Layouts.axes))

type Sweep0() =
    inherit Sweep(0)

type Sweep1() =
    inherit Sweep(1)

type Sweep2() =
    inherit Sweep(2)

type Sweep3() =
    inherit Sweep(3)

type Sweep4() =
    inherit Sweep(4)

type Sweep5() =
    inherit Sweep(5)

type Sweep6() =
    inherit Sweep(6)

type Sweep7() =
    inherit Sweep(7)
