// Float32 numbers in two halves, of which one is the bfloat16 that a model computes with.
using Evo.Torch.Native;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// Master weights beside bfloat16 weights, without a bit twice: the weight is the nearest bfloat16 to its master weight (of two as near
/// the one further from zero), and an int16 is what the master weight's bits are beyond it. Both together are the master weight, exactly.
/// <see cref="Ops.AdamW"/> updates them as they are.
/// </summary>
public static class WeightHalves
{
    /// <summary>The numbers.</summary>
    /// <param name="high">bfloat16, without gaps.</param>
    /// <param name="rest">int16, like <paramref name="high"/>.</param>
    /// <returns>float32, of the same shape.</returns>
    public static Tensor Join(Tensor high, Tensor rest) => EvoOperators.join_halves(high, rest);

    /// <summary>Writes both halves of numbers. One that is not a number has a rest of 0.</summary>
    /// <param name="whole">float32, on the device of the halves.</param>
    /// <param name="high">bfloat16, without gaps.</param>
    /// <param name="rest">int16, like <paramref name="high"/>.</param>
    public static void Part(Tensor whole, Tensor high, Tensor rest) => EvoOperators.part_halves_(high, rest, whole);
}
