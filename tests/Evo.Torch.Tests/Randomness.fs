/// Random numbers: PyTorch's streams, generators of their own, states that can be kept.
module Evo.Torch.Tests.Randomness

open System
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Native
open Evo.Torch.Tests.Given

let private uniform (generator: torch.Generator) =
    Aten.rand_generator (span [ 3L ], generator, Nullable torch.float64) |> valuesOf

[<Fact>]
let ``manual_seed gives PyTorch's stream`` () =
    // torch.manual_seed(42); torch.rand(3), then torch.randn(2), of PyTorch 1.13 to 2.x.
    use _ = torch.manual_seed 42L
    let first = (Aten.rand (span [ 3L ])).data<float32>().ToArray()
    Assert.Equal<float32[]>([| 0.88226926f; 0.91500396f; 0.38286376f |], first)

[<Fact>]
let ``a generator of its own disturbs nobody`` () =
    use before = torch.random.get_rng_state ()
    use g = new torch.Generator(7UL)
    let a = uniform g
    g.manual_seed 7L |> ignore
    Assert.Equal<float[]>(a, uniform g)
    Assert.Equal(7L, g.initial_seed ())
    Assert.NotEqual<float[]>(a, uniform g)
    use after = torch.random.get_rng_state ()
    Assert.Equal<byte[]>(bitsOf before, bitsOf after)

[<Fact>]
let ``a state kept is a stream continued`` () =
    use start = torch.manual_seed 3L
    (Aten.randn (span [ 5L ])).Dispose()
    use state = torch.random.get_rng_state ()
    use first = Aten.randn (span [ 5L ])
    torch.random.set_rng_state state
    use second = Aten.randn (span [ 5L ])
    Assert.Equal<byte[]>(bitsOf first, bitsOf second)

    Assert.Throws<TorchException>(fun () -> torch.random.set_rng_state (torch.tensor [| 1uy; 2uy |]))
    |> ignore
