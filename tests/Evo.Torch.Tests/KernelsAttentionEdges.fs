/// What attention promises beside being its plain form: who sees whom, with a cache, packed and in a window, and what scores may be.
namespace Evo.Torch.Tests

open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open Evo.Torch.Tests.KernelsAgreement

[<Collection("kernels")>]
type ``A kernel of attention``() =

    static let attention (q: Tensor) (k: Tensor) (v: Tensor) = Ops.CausalAttention(q, k, v, 0.25)

    [<Fact>]
    member _.``reads a cache token by token gives what one pass over the sequence gives``() =
        let q, k, v =
            seeded 1 [ 2; 150; 6; 20 ], seeded 2 [ 2; 150; 3; 20 ], seeded 3 [ 2; 150; 3; 20 ]

        let whole = attention q k v

        for t in [ 0L; 1L; 77L; 149L ] do
            let one =
                attention (q.narrow (1, t, 1)) (k.narrow (1, 0, t + 1L)) (v.narrow (1, 0, t + 1L))

            near 1e-12 one (whole.narrow (1, t, 1))

        // A prefix of many tokens, then many at once.
        near 1e-12 (attention (q.narrow (1, 60, 90)) k v) (whole.narrow (1, 60, 90))

    [<Fact>]
    member _.``lets no token see a later one``() =
        let q, k, v =
            seeded 1 [ 1; 140; 2; 8 ], seeded 2 [ 1; 140; 2; 8 ], seeded 3 [ 1; 140; 2; 8 ]

        let before = attention q k v
        k.narrow(1, 100, 40).add_(Scalar.op_Implicit 7.0) |> ignore
        v.narrow(1, 100, 40).mul_(Scalar.op_Implicit -3.0) |> ignore
        let after = attention q k v
        Assert.True(same (before.narrow (1, 0, 100)) (after.narrow (1, 0, 100)))
        Assert.False(same before after)

    [<Fact>]
    member _.``keeps packed sequences apart``() =
        let q, k, v =
            seeded 1 [ 1; 90; 4; 8 ], seeded 2 [ 1; 90; 2; 8 ], seeded 3 [ 1; 90; 2; 8 ]

        let packed = Ops.CausalAttention(q, k, v, 0.25, torch.tensor ([| 0L; 33L; 90L |]))
        let second (x: Tensor) = x.narrow (1, 33, 57)
        near 1e-12 (second packed) (attention (second q) (second k) (second v))

    [<Fact>]
    member _.``in a window reads a cache token by token as one pass over the sequence does``() =
        let q, k, v =
            seeded 1 [ 2; 300; 6; 20 ], seeded 2 [ 2; 300; 3; 20 ], seeded 3 [ 2; 300; 3; 20 ]

        let slopes = (seeded 4 [ 6 ]).abs()

        for window in [ 1L; 7L; 130L; 299L; 300L; 500L ] do
            for native in [ true; false ] do
                withNative native (fun () ->
                    let attend (q: Tensor) (k: Tensor) (v: Tensor) =
                        Ops.CausalAttention(q, k, v, 0.25, window = window, alibiSlopes = slopes)

                    let whole = attend q k v

                    for t in [ 0L; 1L; 77L; 140L; 299L ] do
                        let one =
                            attend (q.narrow (1, t, 1)) (k.narrow (1, 0, t + 1L)) (v.narrow (1, 0, t + 1L))

                        near 1e-12 one (whole.narrow (1, t, 1))

                    // A prefix of many tokens, then many at once; and only the window's keys where that is all there is.
                    near 1e-12 (attend (q.narrow (1, 160, 140)) k v) (whole.narrow (1, 160, 140))
                    let from = max 0L (300L - window)

                    near
                        1e-12
                        (Ops.CausalAttention(
                            q.narrow (1, 299, 1),
                            k.narrow (1, from, 300L - from),
                            v.narrow (1, from, 300L - from),
                            0.25,
                            alibiSlopes = slopes
                        ))
                        (whole.narrow (1, 299, 1)))

    [<Fact>]
    member _.``survives scores that overflow an exponential``() =
        let q, k, v =
            seeded 1 [ 1; 20; 1; 4 ], seeded 2 [ 1; 20; 1; 4 ], seeded 3 [ 1; 20; 1; 4 ]

        let huge (x: Tensor) =
            x.mul(Scalar.op_Implicit 300.0).to_type torch.ScalarType.Float32

        let native, plain =
            both (fun () -> attention (huge q) (huge k) (v.to_type torch.ScalarType.Float32))

        near 1e-5 native plain
