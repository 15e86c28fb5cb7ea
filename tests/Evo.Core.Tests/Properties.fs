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
