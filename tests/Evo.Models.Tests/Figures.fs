/// Models compute what other code computed: every figure in every folder, at the right-hand column.
module Evo.Models.Tests.Figures

open Evo.Models.Tests.Golden
open TorchSharp
open Xunit

let private data names =
    let rows = TheoryData<string>()

    for name: string in names do
        rows.Add(name)

    rows

let familyNames = data families
let variantNames = data variants

[<Theory; MemberData(nameof familyNames)>]
let ``every figure of the architectures holds in float32`` (name: string) =
    holds torch.ScalarType.Float32 0.0 [ name ]

[<Theory; MemberData(nameof familyNames)>]
let ``every figure of the architectures holds in float64`` (name: string) =
    holds torch.ScalarType.Float64 0.0 [ name ]

[<Theory; MemberData(nameof familyNames)>]
let ``recomputing layers in the backward pass changes no figure`` (name: string) =
    holds torch.ScalarType.Float32 1.0 [ name ]

[<Theory; MemberData(nameof variantNames)>]
let ``every figure of other configurations holds in float32`` (name: string) =
    holds torch.ScalarType.Float32 0.0 [ "variants"; name ]

[<Theory; MemberData(nameof variantNames)>]
let ``every figure of other configurations holds in float64`` (name: string) =
    holds torch.ScalarType.Float64 0.0 [ "variants"; name ]

[<Fact>]
let ``there are figures of at least twenty-three other configurations`` () =
    Assert.InRange(variants.Length, 23, 1000)
