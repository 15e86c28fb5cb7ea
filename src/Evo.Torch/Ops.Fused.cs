// Several operators that read or make one value, as one: what emitted forwards call in their place.

using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

public static partial class Ops
{
    /// <summary>A sum and its <see cref="RmsNorm"/>, in one pass over both: what stands where a residual stream is left and read again.</summary>
    /// <param name="x">[..., C]</param>
    /// <param name="residual">The shape and type of x.</param>
    /// <param name="weight">[C]</param>
    /// <param name="eps">Added to the mean of squares.</param>
    /// <param name="offset">As in <see cref="RmsNorm"/>.</param>
    /// <returns>x + residual, and its norm.</returns>
    public static (Tensor total, Tensor normed) AddRmsNorm(Tensor x, Tensor residual, Tensor weight, double eps, bool offset = false)
    {
        (Tensor, Tensor)? fast = null;
        if (!offset)
            NativeAddRmsNorm(x, residual, weight, eps, ref fast);
        if (fast is { } both)
            return both;
        var total = x + residual;
        return (total, RmsNorm(total, weight, eps, offset));
    }

    /// <summary>A sum and its <see cref="LayerNorm"/>, in one pass over both.</summary>
    /// <param name="x">[..., C]</param>
    /// <param name="residual">The shape and type of x.</param>
    /// <param name="weight">[C]</param>
    /// <param name="bias">[C] or none.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <returns>x + residual, and its norm.</returns>
    public static (Tensor total, Tensor normed) AddLayerNorm(Tensor x, Tensor residual, Tensor weight, Tensor? bias, double eps)
    {
        (Tensor, Tensor)? fast = null;
        NativeAddLayerNorm(x, residual, weight, bias, eps, ref fast);
        if (fast is { } both)
            return both;
        var total = x + residual;
        return (total, LayerNorm(total, weight, bias, eps));
    }

    /// <summary>
    /// What a norm reads where others read it, too, and its <see cref="RmsNorm"/>: what stands where a residual stream is read and goes on.
    /// In the backward both gradients become one in one pass.
    /// </summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weight">[C]</param>
    /// <param name="eps">Added to the mean of squares.</param>
    /// <param name="offset">As in <see cref="RmsNorm"/>.</param>
    /// <returns>x for the others, and its norm.</returns>
    public static (Tensor passed, Tensor normed) PassRmsNorm(Tensor x, Tensor weight, double eps, bool offset = false)
    {
        (Tensor, Tensor)? fast = null;
        if (!offset)
            NativePassRmsNorm(x, weight, eps, ref fast);
        return fast ?? (x.view_as(x), RmsNorm(x, weight, eps, offset));
    }

    /// <summary>As <see cref="PassRmsNorm"/>, with a <see cref="LayerNorm"/>.</summary>
    /// <param name="x">[..., C]</param>
    /// <param name="weight">[C]</param>
    /// <param name="bias">[C] or none.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <returns>x for the others, and its norm.</returns>
    public static (Tensor passed, Tensor normed) PassLayerNorm(Tensor x, Tensor weight, Tensor? bias, double eps)
    {
        (Tensor, Tensor)? fast = null;
        NativePassLayerNorm(x, weight, bias, eps, ref fast);
        return fast ?? (x.view_as(x), LayerNorm(x, weight, bias, eps));
    }

    /// <summary>
    /// Queries, keys and values out of one product over tokens, queries and keys turned as <see cref="Rope"/> does where there are
    /// tables: one pass, and one backward that writes the product's gradient as a whole.
    /// </summary>
    /// <param name="x">
    /// [B, T, (H + 2 K) * D], D even: all queries, all keys, all values; or <paramref name="grouped"/>, for each key/value head its
    /// H / K queries, its key and its value.
    /// </param>
    /// <param name="heads">H</param>
    /// <param name="kvHeads">K, which divides H.</param>
    /// <param name="grouped">Whether heads stand group by group.</param>
    /// <param name="cos">[B or 1, T, D], or none: nothing is turned.</param>
    /// <param name="sin">As <paramref name="cos"/>.</param>
    /// <returns>[B, T, H, D], [B, T, K, D] and [B, T, K, D].</returns>
    /// <exception cref="ArgumentException">The last dimension of x is not so many heads.</exception>
    public static Tensor[] HeadsApart(Tensor x, long heads, long kvHeads, bool grouped = false, Tensor? cos = null, Tensor? sin = null)
    {
        if (x.dim() != 3 || heads <= 0 || kvHeads <= 0 || heads % kvHeads != 0 || x.shape[2] % (2 * (heads + 2 * kvHeads)) != 0)
            throw new ArgumentException(
                $"HeadsApart: x [{string.Join(", ", x.shape)}] is not [B, T, (H + 2 K) * D] of {heads} and {kvHeads} heads with D even.");
        Tensor[]? fast = null;
        NativeHeadsApart(x, heads, kvHeads, grouped, cos, sin, ref fast);
        return fast ?? PlainHeadsApart(x, heads, kvHeads, grouped, cos, sin);
    }

    /// <summary>The inside of a gated MLP: <c>activation(gate) * up</c>.</summary>
    public static Tensor Gated(string activation, Tensor gate, Tensor up)
    {
        if (Logistic(activation) is { } gelu)
            return gelu ? GeluMul(gate, up) : SiluMul(gate, up);
        using var active = Activation(activation, gate);
        return active * up;
    }

    /// <summary><see cref="Gated"/> on what one product made: the first half of the last dimension is the gate, the second what it lets through.</summary>
    /// <param name="activation">As <see cref="Activation"/> takes it.</param>
    /// <param name="pair">[..., 2 F]</param>
    /// <returns>[..., F]</returns>
    public static Tensor GatedPair(string activation, Tensor pair)
    {
        Tensor? fast = null;
        if (Logistic(activation) is { } gelu)
            NativeGatedPair(pair, gelu, ref fast);
        return fast ?? PlainGatedPair(activation, pair);
    }

    /// <summary>
    /// The end of a gated MLP, <c>Linear(GatedPair(activation, pair), weight, bias)</c>. What gate and up make is not kept for the
    /// backward: it is made again there, in the pass that makes their gradients.
    /// </summary>
    /// <param name="activation">As <see cref="Activation"/> takes it.</param>
    /// <param name="pair">[..., 2 F]</param>
    /// <param name="weight">[O, F]</param>
    /// <param name="bias">[O] or none.</param>
    /// <returns>[..., O]</returns>
    public static Tensor GatedLinear(string activation, Tensor pair, Tensor weight, Tensor? bias = null)
    {
        Tensor? fast = null;
        if (Logistic(activation) is { } gelu)
            NativeGatedLinear(pair, gelu, weight, bias, ref fast);
        if (fast is not null)
            return fast;
        using var inner = GatedPair(activation, pair);
        return Linear(inner, weight, bias);
    }

    /// <summary>
    /// The end of an MLP without a gate, <c>Linear(Activation(activation, x, added), weight, bias)</c>. What the activation makes is not
    /// kept for the backward: it is made again there, in the pass that makes the gradient of x.
    /// </summary>
    /// <param name="activation">As <see cref="Activation"/> takes it.</param>
    /// <param name="x">[..., F]</param>
    /// <param name="added">[F], the bias of the map that made x; or none.</param>
    /// <param name="weight">[O, F]</param>
    /// <param name="bias">[O] or none.</param>
    /// <returns>[..., O]</returns>
    public static Tensor ActivatedLinear(string activation, Tensor x, Tensor? added, Tensor weight, Tensor? bias = null)
    {
        Tensor? fast = null;
        if (Logistic(activation) is { } gelu)
            NativeActivatedLinear(x, added, gelu, weight, bias, ref fast);
        if (fast is not null)
            return fast;
        using var inner = Activation(activation, x, added);
        return Linear(inner, weight, bias);
    }

    // Whether an activation is x times the logistic function of GELU's polynomial (true) or of x itself (false); null: neither.
    private static bool? Logistic(string activation) => activation switch
    {
        "silu" or "swish" => false,
        "gelu_new" or "gelu_pytorch_tanh" => true,
        _ => null,
    };

    private static Tensor PlainGatedPair(string activation, Tensor pair)
    {
        using var scope = NewDisposeScope();
        var halves = pair.chunk(2, -1);
        return Gated(activation, halves[0], halves[1]).MoveToOuterDisposeScope();
    }

    private static Tensor[] PlainHeadsApart(Tensor x, long heads, long kvHeads, bool grouped, Tensor? cos, Tensor? sin)
    {
        using var scope = NewDisposeScope();
        long size = x.shape[2] / (heads + 2 * kvHeads), group = heads / kvHeads;
        Tensor[] parts;
        if (grouped)
        {
            var groups = x.unflatten(2, kvHeads, group + 2, size).split([group, 1, 1], 3);
            parts = [groups[0].flatten(2, 3), groups[1].squeeze(3), groups[2].squeeze(3)];
        }
        else
        {
            parts = [.. x.unflatten(2, heads + 2 * kvHeads, size).split([heads, kvHeads, kvHeads], 2)];
        }

        if (cos is not null && sin is not null)
            (parts[0], parts[1]) = (Rope(parts[0], cos, sin), Rope(parts[1], cos, sin));
        return [.. parts.Select(part => part.MoveToOuterDisposeScope())];
    }

    static partial void NativeAddRmsNorm(Tensor x, Tensor residual, Tensor weight, double eps, ref (Tensor, Tensor)? result);

    static partial void NativePassRmsNorm(Tensor x, Tensor weight, double eps, ref (Tensor, Tensor)? result);

    static partial void NativePassLayerNorm(Tensor x, Tensor weight, Tensor? bias, double eps, ref (Tensor, Tensor)? result);

    static partial void NativeAddLayerNorm(
        Tensor x, Tensor residual, Tensor weight, Tensor? bias, double eps, ref (Tensor, Tensor)? result);

    static partial void NativeHeadsApart(
        Tensor x, long heads, long kvHeads, bool grouped, Tensor? cos, Tensor? sin, ref Tensor[]? result);

    static partial void NativeGatedPair(Tensor pair, bool gelu, ref Tensor? result);

    static partial void NativeActivatedLinear(Tensor x, Tensor? added, bool gelu, Tensor weight, Tensor? bias, ref Tensor? result);

    static partial void NativeGatedLinear(Tensor pair, bool gelu, Tensor weight, Tensor? bias, ref Tensor? result);
}
