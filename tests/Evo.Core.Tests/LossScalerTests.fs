/// The state machine of the dynamic loss scale.
module Evo.Core.Tests.LossScalerTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

let private rules =
    { LossScaleRules.Default with
        InitialScale = 16.0
        MaxScale = 64.0
        GrowthInterval = 3L
    }

/// + is a good step, - an overflow.
let private run (steps: string) =
    (LossScaler.Start rules, steps)
    ||> Seq.fold (fun scaler step ->
        if step = '+' then
            scaler.AfterUpdate()
        else
            scaler.AfterOverflow())

[<Theory>]
[<InlineData("", 16.0)>]
[<InlineData("++", 16.0)>]
[<InlineData("+++", 32.0)>]
[<InlineData("++++++", 64.0)>]
[<InlineData("+++++++++", 64.0)>] // not beyond the largest
[<InlineData("-", 16.0)>] // the first overflow is forgiven
[<InlineData("--", 8.0)>]
[<InlineData("-+-", 8.0)>] // good steps between do not forgive it
[<InlineData("---", 4.0)>] // after the first fall every overflow counts
[<InlineData("--++-", 4.0)>]
[<InlineData("++-++", 16.0)>] // an overflow begins the count of good steps anew
[<InlineData("++-+++", 32.0)>]
[<InlineData("-+++-", 32.0)>] // growth forgives what was before
[<InlineData("-+++--", 16.0)>]
[<InlineData("------------", 1.0)>] // not below the smallest
let ``the scale after a sequence of steps`` steps scale = Assert.Equal(scale, (run steps).Scale)

[<Fact>]
let ``the scale stays between its limits and is a power of the factors`` () =
    forAll (Gen.listOf (Gen.elements [ '+'; '-' ])) noShrink (fun steps ->
        let scale = (run (String(Array.ofList steps))).Scale

        scale >= rules.MinScale
        && scale <= rules.MaxScale
        && Math.Log2 scale = floor (Math.Log2 scale))

[<Fact>]
let ``the rules that are not given are InternEvo's`` () =
    let start = LossScaler.Start LossScaleRules.Default
    Assert.Equal(65536.0, start.Scale)

    let after steps =
        Seq.fold (fun (s: LossScaler) _ -> s.AfterUpdate()) start (seq { 1..steps })

    Assert.Equal(65536.0, (after 999).Scale)
    Assert.Equal(131072.0, (after 1000).Scale)
    Assert.Equal(32768.0, start.AfterOverflow().AfterOverflow().Scale)
