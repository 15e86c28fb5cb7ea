// Modules: those that only change the shape, and the one that changes nothing.

using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>The input itself.</summary>
public sealed class Identity : ParameterLessModule<Tensor, Tensor>
{
    internal Identity() : base("Identity") { }

    /// <summary>A second handle of the input.</summary>
    public override Tensor forward(Tensor tensor) => tensor.alias();
}

/// <summary>The dimensions from start to end made one.</summary>
public sealed class Flatten : ParameterLessModule<Tensor, Tensor>
{
    internal Flatten(long start_dim, long end_dim) : base("Flatten") => (this.start_dim, this.end_dim) = (start_dim, end_dim);

    /// <summary>The first dimension.</summary>
    public long start_dim { get; set; }

    /// <summary>The last dimension.</summary>
    public long end_dim { get; set; }

    /// <summary>A view where strides allow.</summary>
    public override Tensor forward(Tensor input) => input.flatten(start_dim, end_dim);
}

/// <summary>One dimension split into several.</summary>
public sealed class Unflatten : ParameterLessModule<Tensor, Tensor>
{
    internal Unflatten(long dim, long[] unflattened_size) : base("Unflatten") => (this.dim, this.unflattened_size) = (dim, unflattened_size);

    /// <summary>The dimension.</summary>
    public long dim { get; set; }

    /// <summary>Its parts.</summary>
    public long[] unflattened_size { get; set; }

    /// <summary>A view.</summary>
    public override Tensor forward(Tensor tensor) => tensor.unflatten(dim, unflattened_size);
}
