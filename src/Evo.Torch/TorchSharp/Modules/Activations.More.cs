// Modules: the bounded, the shrinking and the normalizing activation functions.

using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>x - tanh(x).</summary>
public sealed class Tanhshrink : ParameterLessModule<Tensor, Tensor>
{
    internal Tanhshrink(bool inplace) : base("Tanhshrink") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x - tanh(x).</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.tanhshrink(tensor, inplace);
}

/// <summary>relu6(x + 3) / 6.</summary>
public sealed class Hardsigmoid : ParameterLessModule<Tensor, Tensor>
{
    internal Hardsigmoid(bool inplace) : base("Hardsigmoid") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>relu6(x + 3) / 6.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.hardsigmoid(tensor, inplace);
}

/// <summary>x · relu6(x + 3) / 6.</summary>
public sealed class Hardswish : ParameterLessModule<Tensor, Tensor>
{
    internal Hardswish(bool inplace) : base("Hardswish") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x · relu6(x + 3) / 6.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.hardswish(tensor, inplace);
}

/// <summary>x limited to [min_val, max_val].</summary>
public sealed class Hardtanh : ParameterLessModule<Tensor, Tensor>
{
    internal Hardtanh(double min_val, double max_val, bool inplace) : base("Hardtanh") => (this.min_val, this.max_val, this.inplace) = (min_val, max_val, inplace);

    /// <summary>The lower limit.</summary>
    public double min_val { get; set; }

    /// <summary>The upper limit.</summary>
    public double max_val { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x limited to [min_val, max_val].</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.hardtanh(tensor, min_val, max_val, inplace);
}

/// <summary>x where |x| is above lambda, zero elsewhere.</summary>
public sealed class Hardshrink : ParameterLessModule<Tensor, Tensor>
{
    internal Hardshrink(double lambda) : base("Hardshrink") => this.lambda = lambda;

    /// <summary>The width of the zero around zero.</summary>
    public double lambda { get; set; }

    /// <summary>x where |x| is above lambda, zero elsewhere.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.hardshrink(tensor, lambda);
}

/// <summary>x moved toward zero by lambda.</summary>
public sealed class Softshrink : ParameterLessModule<Tensor, Tensor>
{
    internal Softshrink(double lambda) : base("Softshrink") => this.lambda = lambda;

    /// <summary>The width of the zero around zero.</summary>
    public double lambda { get; set; }

    /// <summary>x moved toward zero by lambda.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.softshrink(tensor, lambda);
}

/// <summary>x / (1 + |x|).</summary>
public sealed class Softsign : ParameterLessModule<Tensor, Tensor>
{
    internal Softsign(bool inplace) : base("Softsign") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x / (1 + |x|).</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.softsign(tensor, inplace);
}

/// <summary>log(1 + exp(beta · x)) / beta.</summary>
public sealed class Softplus : ParameterLessModule<Tensor, Tensor>
{
    internal Softplus(double beta, double threshold) : base("Softplus") => (this.beta, this.threshold) = (beta, threshold);

    /// <summary>The sharpness.</summary>
    public double beta { get; set; }

    /// <summary>The threshold.</summary>
    public double threshold { get; set; }

    /// <summary>log(1 + exp(beta · x)) / beta.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.softplus(tensor, beta, threshold);
}

/// <summary>x above the threshold, value elsewhere.</summary>
public sealed class Threshold : ParameterLessModule<Tensor, Tensor>
{
    internal Threshold(double threshold, double value, bool inplace) : base("Threshold") => (this.threshold, this.value, this.inplace) = (threshold, value, inplace);

    /// <summary>The threshold.</summary>
    public double threshold { get; set; }

    /// <summary>What stands at and below the threshold.</summary>
    public double value { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x above the threshold, value elsewhere.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.threshold(tensor, threshold, value, inplace);
}

/// <summary>First half times sigmoid of second half, along a dimension.</summary>
public sealed class GLU : ParameterLessModule<Tensor, Tensor>
{
    internal GLU(long dim) : base("GLU") => this.dim = dim;

    /// <summary>The dimension.</summary>
    public long dim { get; set; }

    /// <summary>First half times sigmoid of second half, along a dimension.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.glu(tensor, dim);
}

/// <summary>exp(x) over its sum along a dimension.</summary>
public sealed class Softmax : ParameterLessModule<Tensor, Tensor>
{
    internal Softmax(long dim) : base("Softmax") => this.dim = dim;

    /// <summary>The dimension.</summary>
    public long dim { get; set; }

    /// <summary>exp(x) over its sum along a dimension.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.softmax(tensor, dim);
}

/// <summary>Logarithm of softmax.</summary>
public sealed class LogSoftmax : ParameterLessModule<Tensor, Tensor>
{
    internal LogSoftmax(long dim) : base("LogSoftmax") => this.dim = dim;

    /// <summary>The dimension.</summary>
    public long dim { get; set; }

    /// <summary>Logarithm of softmax.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.log_softmax(tensor, dim);
}

/// <summary>softmax of -x.</summary>
public sealed class Softmin : ParameterLessModule<Tensor, Tensor>
{
    internal Softmin(long dim) : base("Softmin") => this.dim = dim;

    /// <summary>The dimension.</summary>
    public long dim { get; set; }

    /// <summary>softmax of -x.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.softmin(tensor, dim);
}

/// <summary>softmax over the channels of an image.</summary>
public sealed class Softmax2d : ParameterLessModule<Tensor, Tensor>
{
    internal Softmax2d() : base("Softmax2d") { }

    /// <summary>softmax over the channels of an image.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.softmax2d(tensor);
}
