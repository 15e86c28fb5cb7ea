/// Kernels over rows as long as models have them: beyond what one block of a GPU's threads takes at once, or keeps on the chip.
namespace Evo.Torch.Tests

open FsCheck.FSharp
open Xunit
open TorchSharp
open Evo.Torch.Tests.KernelsCases
open Evo.Torch.Tests.KernelsAgreement

[<Collection("kernels")>]
type ``Kernels over long rows``() =

    // Sizes are those of the operator's cases, such as rows, and one less than the elements of a row; smoothing and z-loss by their numbers.
    // Attention's reach over several blocks of keys.
    [<Theory>]
    [<InlineData("RmsNorm", "130 511")>]
    [<InlineData("RmsNorm", "9 12287")>]
    [<InlineData("AddRmsNorm", "9 4095")>]
    [<InlineData("AddLayerNorm", "5 19998")>]
    [<InlineData("LayerNorm", "300 767")>]
    [<InlineData("CrossEntropy", "3 40000 1 0")>]
    [<InlineData("LinearCrossEntropy", "40 40008 4 2 1")>]
    [<InlineData("LinearCrossEntropy", "4 150000 3 1 0")>]
    [<InlineData("LinearCrossEntropy", "4 150007 3 2 2")>]
    [<InlineData("CausalAttention, dropping", "2 100 180 2 20 1")>]
    [<InlineData("CausalAttention, dropping", "2 300 1 1 20 151")>]
    [<InlineData("CausalAttention, packed, dropping", "5 300 2 20")>]
    member _.``mean their plain form``(operator: string, sizes: string) =
        let case =
            {
                Operator = operators |> List.find (fun found -> found.Name = operator)
                Sizes = [ for size in sizes.Split ' ' -> int size ]
                Seed = 3
                Strided = false
            }

        for bound, dtype in
            [
                1e-12, torch.ScalarType.Float64
                1e-5, torch.ScalarType.Float32
                4e-2, torch.ScalarType.BFloat16
            ] do
            let expected = outcome case false dtype torch.ScalarType.Float64

            check
                1
                (agree bound case (outcome case true dtype dtype) expected
                 |> Prop.label $"{dtype}")
