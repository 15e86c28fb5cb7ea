// The base classes of losses, by number of inputs.

using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>A loss of two inputs.</summary>
public abstract class Loss<T1, T2, TResult>(nn.Reduction reduction = nn.Reduction.Mean) : nn.Module<T1, T2, TResult>("Loss")
{
    /// <summary>How the elements are put together.</summary>
    public nn.Reduction reduction { get; } = reduction;
}

/// <summary>A loss of three inputs.</summary>
public abstract class Loss<T1, T2, T3, TResult>(nn.Reduction reduction = nn.Reduction.Mean) : nn.Module<T1, T2, T3, TResult>("Loss")
{
    /// <summary>How the elements are put together.</summary>
    public nn.Reduction reduction { get; } = reduction;
}

/// <summary>A loss of four inputs.</summary>
public abstract class Loss<T1, T2, T3, T4, TResult>(nn.Reduction reduction = nn.Reduction.Mean) : nn.Module<T1, T2, T3, T4, TResult>("Loss")
{
    /// <summary>How the elements are put together.</summary>
    public nn.Reduction reduction { get; } = reduction;
}

/// <summary>A loss of two inputs with weights.</summary>
public abstract class WeightedLoss<T1, T2, TResult>(Tensor? weight = null, nn.Reduction reduction = nn.Reduction.Mean) : Loss<T1, T2, TResult>(reduction)
{
    /// <summary>One weight a class, or null.</summary>
    public Tensor? weight { get; } = weight;
}
