/// The head and its loss in chunks of tokens: where one ends changes nothing, nor how far apart rows of logits lie.
namespace Evo.Torch.Tests

open System
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open Evo.Torch.Tests.KernelsAgreement

[<Collection("kernels")>]
type ``The head and its loss in chunks``() =

    static let float64, float32 = torch.ScalarType.Float64, torch.ScalarType.Float32

    /// The loss, the z-loss, how many labels were right, and the gradients.
    static let outcome (native: bool) (dtype: torch.ScalarType) (tokens: int) (vocabulary: int) =
        withNative native (fun () ->
            let random = Random 3
            let targets = labels random tokens vocabulary

            let hidden, head =
                (normal random [ tokens; 6 ]).to_type(dtype).requires_grad_(),
                (normal random [ vocabulary; 6 ]).to_type(dtype).requires_grad_()

            let struct (loss, _, right, z) =
                Ops.LinearCrossEntropy(hidden, head, targets, 0.1, 0.01)

            loss.backward ()
            [ loss; z; right; gradientOf hidden; gradientOf head ])

    // Of 16,384 words and more a chunk has at most 512 tokens; rows of 512 words in float64, and of 1,024 in float32, are a page.
    [<Theory>]
    [<InlineData(1025, 16384)>]
    [<InlineData(513, 16385)>]
    [<InlineData(90, 512)>]
    [<InlineData(90, 1024)>]
    [<InlineData(90, 1000)>]
    member _.``are those of the plain form``(tokens: int, vocabulary: int) =
        let expected = outcome false float64 tokens vocabulary

        for dtype, bound in [ float64, 1e-12; float32, 1e-5 ] do
            let found = outcome true dtype tokens vocabulary
            Assert.True(List.max (List.map2 difference found expected) <= bound)

    [<Fact>]
    member _.``take the memory of the logits of one chunk``() =
        use _ = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let vocabulary, tokens = 16384L, 1023L
        let hidden, head = torch.randn (tokens, 4L), torch.randn (vocabulary, 4L)
        let targets = labels (Random 1) (int tokens) (int vocabulary)
        let before = NativeMemory.BytesAllocated
        NativeMemory.ResetPeak()

        withNative true (fun () -> Ops.LinearCrossEntropy(hidden, head, targets))
        |> ignore

        let chunk = HeadChunk.Tokens(tokens, vocabulary, onGpu = false)
        Assert.Equal(512L, chunk)
        let logits = 4L * chunk * vocabulary
        Assert.InRange(NativeMemory.PeakBytes - before, logits, logits + logits / 50L)

    [<Fact>]
    member _.``are of one size, as few as have room for that many tokens``() =
        for tokens, vocabulary, onGpu, expected in
            [
                512L, 16384L, false, 512L
                513L, 16384L, false, 257L
                1025L, 16384L, false, 342L
                3000L, 1L <<< 13, false, 1000L
                8192L, 152064L, true, 8192L
                10240L, 152064L, true, 5120L
                0L, 100L, true, 0L
            ] do
            Assert.Equal(expected, HeadChunk.Tokens(tokens, vocabulary, onGpu))
