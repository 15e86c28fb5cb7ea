using System.Text;
using Evo.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Bench;

/// <summary>
/// Weights that two programs draw alike without a file: a number's place in its tensor and the tensor's name, mixed in whole numbers,
/// say what it is. Matrices are uniform with a standard deviation of 0.02, gains 1, biases 0; rounded to bfloat16, so that what a
/// contender computes with does not depend on what it keeps. bench/gpu_torch.py does the same (drawn).
/// </summary>
internal static class GpuWeights
{
    private const long Word = 0xffffffff;

    // Of a uniform number between -1/2 and 1/2, for a standard deviation of 0.02.
    private static readonly double Scale = 0.02 * Math.Sqrt(12);

    // Numbers made at a time: some int64 and float64 tensors of them are alive together.
    private const long AtOnce = 1 << 24;

    public static void Fill(CausalLMModule module)
    {
        using var quiet = no_grad();
        foreach (var (info, value) in module.Table)
        {
            using var scope = NewDisposeScope();
            if (info.Kind is ParameterKind.Norm or ParameterKind.Bias)
            {
                value.fill_(info.Kind == ParameterKind.Norm ? 1 : 0);
                continue;
            }

            var flat = info.Transposed ? empty([.. info.HuggingFaceShape], value.dtype, value.device) : value;
            Draw(info.HuggingFaceName, flat.view(-1));
            if (info.Transposed)
                value.copy_(flat.t());
        }
    }

    private static void Draw(string name, Tensor flat)
    {
        var seed = Seed(name);
        for (long start = 0, count = flat.shape[0]; start < count; start += AtOnce)
        {
            using var scope = NewDisposeScope();
            var end = Math.Min(count, start + AtOnce);
            var word = arange(start, end, dtype: ScalarType.Int64, device: flat.device).bitwise_xor_(Number(seed, flat.device));
            word = Mixed(Mixed(word, 16, 0x21f0aaad), 15, 0x735a2d97);
            word = word.bitwise_xor(word.bitwise_right_shift(Number(15, flat.device)));
            var drawn = word.to_type(ScalarType.Float64).div_((double)(Word + 1)).sub_(0.5).mul_(Scale);
            flat.narrow(0, start, end - start).copy_(drawn.to_type(ScalarType.Float32).to_type(ScalarType.BFloat16));
        }
    }

    // As RandomWords.Mix: 32 bits in the lower half of 64.
    private static Tensor Mixed(Tensor word, long shift, long factor) =>
        word.bitwise_xor(word.bitwise_right_shift(Number(shift, word.device))).mul_(factor).bitwise_and(Number(Word, word.device));

    private static Tensor Number(long value, Device device) => tensor(value, ScalarType.Int64, device);

    // FNV-1a.
    private static long Seed(string name) => Encoding.UTF8.GetBytes(name).Aggregate(0x811c9dc5u, (hash, letter) => unchecked((hash ^ letter) * 0x01000193u));
}
