using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>A tensor that a module trains. Its identity is what counts: one object is one parameter.</summary>
public class Parameter : Tensor
{
    /// <summary>Takes over the native tensor of <paramref name="data"/>, which is not to be used afterwards.</summary>
    /// <param name="data">A leaf; of floating point or complex dtype where a gradient is wanted.</param>
    /// <param name="requires_grad">Whether backward fills its gradient.</param>
    public Parameter(Tensor data, bool requires_grad = true)
        : base(data.with_requires_grad(requires_grad).DecoupleFromNativeHandle()) { }

    /// <summary>Where linear maps put off this parameter's gradient; null: backward computes it.</summary>
    internal Evo.Torch.WeightGradients? Later { get; set; }

    /// <summary>Whether a kernel's backward may add to <c>grad</c> itself.</summary>
    internal bool AddsInPlace { get; set; }
}
