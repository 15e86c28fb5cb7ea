/// Models compute what other code computed: every figure in every folder, at the right-hand column.
module Evo.Models.Tests.Figures

open Evo.Models.Tests.Golden
open Evo.Torch
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

/// The same with `kernels` set to plain, for the operators' definitions are what figures are owed to.
let private plainly dtype recompute folder =
    Ops.UseNative <- false

    try
        let before = CountedOperations.Now
        holds dtype recompute folder
        // Attention is counted where a kernel computes it.
        Assert.Equal(0L, CountedOperations.Now.Since(before).Attention)
    finally
        Ops.UseNative <- true

[<Theory; MemberData(nameof familyNames)>]
let ``every figure of the architectures holds with plain operators`` (name: string) =
    plainly torch.ScalarType.Float32 0.0 [ name ]

[<Theory; Trait("Category", "Full"); MemberData(nameof familyNames)>]
let ``every figure of the architectures holds with plain operators in float64, and recomputed``
    (name: string)
    =
    plainly torch.ScalarType.Float64 0.0 [ name ]
    plainly torch.ScalarType.Float32 1.0 [ name ]

[<Theory; Trait("Category", "Full"); MemberData(nameof variantNames)>]
let ``every figure of other configurations holds with plain operators`` (name: string) =
    plainly torch.ScalarType.Float32 0.0 [ "variants"; name ]

[<Fact>]
let ``there are figures of at least twenty-three other configurations`` () =
    Assert.InRange(variants.Length, 23, 1000)
