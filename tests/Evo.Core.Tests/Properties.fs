/// How the properties of this room are run and compared.
module Evo.Core.Tests.Properties

open FsCheck
open FsCheck.FSharp

/// Runs a property over values that are valid by construction; `shrink` leads to the smallest counter-example.
let forAll (generator: Gen<'a>) (shrink: 'a -> 'a seq) (property: 'a -> bool) =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 300,
        Prop.forAll (Arb.fromGenShrink (generator, shrink)) property
    )

/// No smaller values are tried.
let noShrink (_: 'a) : 'a seq = Seq.empty

/// Whether two values are equal; where they are not, the report says what was got and what is right.
let (=?) (actual: 'a) (expected: 'a) : Property =
    if actual = expected then
        Prop.ofTestable true
    else
        Prop.label (sprintf "got %A, want %A" actual expected) false

/// As `forAll`, with the same cases on every run, for a property that says itself what is wrong.
let law (generator: Gen<'a>) (shrink: 'a -> 'a seq) (property: 'a -> Property) =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(Some { Rnd = Rnd(2024UL, 7UL); Size = None }),
        Prop.forAll (Arb.fromGenShrink (generator, shrink)) property
    )
