module Evo.Core.Tests.NearestTests

open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

let private word =
    Gen.map (List.truncate 6 >> List.toArray >> System.String) (Gen.listOf (Gen.elements [ 'a'; 'b'; 'c' ]))

[<Fact>]
let ``the distance is zero for equal words only, and the same both ways`` () =
    forAll (Gen.zip word word) noShrink (fun (a, b) ->
        Nearest.distance a b = Nearest.distance b a
        && (Nearest.distance a b = 0) = (a = b))

[<Theory>]
[<InlineData("seq_length", "seq_len")>]
[<InlineData("micro_bsz", "micro_bsz")>]
[<InlineData("MICRO-BSZ", "micro_bsz")>]
[<InlineData("mirco_num", "micro_num")>]
[<InlineData("bsz_per_micro", "")>]
let ``a slip of the hand finds its key`` (typed: string) (expected: string) =
    let found =
        Nearest.find [ "seq_len"; "micro_bsz"; "micro_num"; "total_steps" ] typed

    Assert.Equal(expected, Option.defaultValue "" found)
