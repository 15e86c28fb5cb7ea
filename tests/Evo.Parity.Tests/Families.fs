/// Every family of the repository, in every mode at every degree, gives what one device gives.
module Evo.Parity.Tests.Families

open System
open Evo.Models
open Evo.Parallel
open Xunit

let private families = [ for family in ModelFamilies.All -> family.Name ]

let names =
    let data = TheoryData<string>()

    for name in families do
        data.Add(name: string)

    data

let private fresh (name: string) =
    let family = nonNull (ModelFamilies.Find name)
    Small.make (family.FromHuggingFace.Invoke(System.Text.Json.Nodes.JsonObject()))

[<Theory; MemberData(nameof names)>]
let ``every mode at every degree gives the loss, logits and gradients of one device`` (name: string) =
    let spec = fresh name
    Assert.Empty(spec.Problems())
    let batch = Small.batch 3 2 16 spec
    let serial = Parity.Step(spec, ParityLayout.Serial, batch)
    let mutable compared = 0
    let mutable worst = 0.0
    let failures = ResizeArray<string>()

    for mode in Small.modes do
        for layout in Small.layouts spec mode do
            let found =
                try
                    Ok(Parity.Step(spec, layout, batch))
                with e ->
                    Error e.Message

            compared <- compared + 1

            match found with
            | Error text -> failures.Add $"{layout}: {text}"
            | Ok found ->
                let struct (error, quantity) = found.Compare serial
                worst <- max worst error

                if not (error <= Parity.Tolerance) then
                    failures.Add $"{layout}: {quantity} is off by {error:g3}"

                for quantity in found.Unequal do
                    failures.Add $"{layout}: {quantity} differs between replicas"

    let text = String.concat "\n" failures
    Assert.True(failures.Count = 0, $"{name}: {failures.Count} of {compared} layouts are off\n{text}")
    Assert.True(compared > 0, $"{name}: no layout was compared")
    Console.WriteLine $"{name}: {compared} layouts, largest error {worst:g3}"
