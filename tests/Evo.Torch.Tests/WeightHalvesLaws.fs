/// A float32 and its two halves are one number, and AdamW's step over the halves is its step over the number.
namespace Evo.Torch.Tests

open System
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases

[<Collection("kernels")>]
type ``Halves of weights``() =

    /// Numbers of all sizes: any bits that are no NaN, ties among them, and those at the ends.
    static let numbers count =
        let random = Random 3

        let bits =
            [|
                yield!
                    [
                        0
                        0x80000000
                        0x7f800000
                        0xff800000
                        1
                        0x80000001
                        0x7f7fffff
                        0x3f808000
                        0x3f818000
                        0xbf808000
                        0x3f807fff
                    ]
                for _ in 1..count do
                    (random.Next() <<< 1) ^^^ random.Next 2
                for _ in 1..count do
                    (random.Next 0x7f80 <<< 16) ||| 0x8000
            |]

        bits
        |> Array.map BitConverter.Int32BitsToSingle
        |> Array.filter (Single.IsNaN >> not)

    static let halvesOf (whole: torch.Tensor) =
        let high = torch.empty (whole.shape, torch.ScalarType.BFloat16)
        let rest = torch.empty (whole.shape, torch.ScalarType.Int16)
        WeightHalves.Part(whole, high, rest)
        high, rest

    static let bytes (t: torch.Tensor) = TensorBytes.Of(t).ToArray()

    [<Fact>]
    member _.``are the number, bit for bit, and the upper one is the nearest bfloat16``() =
        let numbers = numbers 20_000
        let whole = torch.tensor numbers
        let high, rest = halvesOf whole
        Assert.Equal<byte[]>(bytes whole, bytes (WeightHalves.Join(high, rest)))

        // As libtorch rounds, but of two that are as near: then the one further from zero, where that takes the even one.
        let rounded = whole.to_type torch.ScalarType.BFloat16

        let tie (x: float32) =
            BitConverter.SingleToInt32Bits x &&& 0xffff = 0x8000

        let other = high.ne(rounded).data<bool>().ToArray()

        for x, other in Array.zip numbers other do
            Assert.True(not other || tie x, $"{x:R}")

        let away = high.abs().ge(rounded.abs ()).all().item<bool>()
        Assert.True(away && Array.contains true other)

    [<Fact>]
    member _.``of what is no number are no number``() =
        let whole =
            torch.tensor
                [|
                    nanf
                    BitConverter.Int32BitsToSingle 0x7fffffff
                    BitConverter.Int32BitsToSingle 0xffffffff
                |]

        let high, rest = halvesOf whole

        Assert.True(
            high.isnan().all().item<bool>()
            && WeightHalves.Join(high, rest).isnan().all().item<bool>()
        )

    [<Theory; InlineData true; InlineData false>]
    member _.``are updated as the number is``(native) =
        withNative native (fun () ->
            for gradients in [ torch.ScalarType.Float32; torch.ScalarType.BFloat16 ] do
                let start = seeded 1 [ 70_001 ]
                let high, rest = halvesOf (start.to_type torch.ScalarType.Float32)
                let master = WeightHalves.Join(high, rest)

                let moments () =
                    [ for _ in 1..2 -> torch.zeros_like master ]

                let ofHalves, ofWhole = moments (), moments ()

                for step in 1L .. 4L do
                    let gradient = (seeded (1 + int step) [ 70_001 ]).to_type gradients
                    // The third is left out.
                    use factor = torch.tensor (if step = 3L then infinity else 0.25)

                    let update (weights: torch.Tensor) (moments: torch.Tensor list) copy =
                        Ops.AdamW(
                            weights,
                            gradient,
                            moments[0],
                            moments[1],
                            1e-2,
                            0.9,
                            0.95,
                            1e-8,
                            0.1,
                            step,
                            0.5,
                            copy,
                            factor
                        )

                    update rest ofHalves high
                    update master ofWhole null
                    Assert.Equal<byte[]>(bytes master, bytes (WeightHalves.Join(high, rest)))
                    Assert.Equal<byte[] list>(List.map bytes ofWhole, List.map bytes ofHalves)

                Assert.False(same (start.to_type torch.ScalarType.Float32) master))

    [<Fact>]
    member _.``that do not belong together are refused``() =
        let flat (dtype: torch.ScalarType) = torch.zeros ([| 4L |], dtype)
        let single, short = flat torch.ScalarType.Float32, flat torch.ScalarType.Int16

        let refused (words: string) call =
            Assert.Contains(words, (Assert.ThrowsAny<Exception>(fun () -> call () |> ignore)).Message)

        refused "are no halves" (fun () -> WeightHalves.Join(single, short))

        refused "are no halves" (fun () ->
            WeightHalves.Join(torch.zeros ([| 5L |], torch.ScalarType.BFloat16), short))

        refused "float32 of one shape" (fun () ->
            WeightHalves.Part(flat torch.ScalarType.Float64, flat torch.ScalarType.BFloat16, short))

        refused "are half of them" (fun () ->
            Ops.AdamW(
                short,
                single,
                single,
                single,
                0.1,
                0.9,
                0.99,
                1e-8,
                0.1,
                1L,
                1.0,
                flat torch.ScalarType.Float32
            ))
