// Modules: the smooth and the rectifying activation functions.

using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>max(x, 0).</summary>
public sealed class ReLU : ParameterLessModule<Tensor, Tensor>
{
    internal ReLU(bool inplace) : base("ReLU") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>max(x, 0).</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.relu(tensor, inplace);
}

/// <summary>x limited to [0, 6].</summary>
public sealed class ReLU6 : ParameterLessModule<Tensor, Tensor>
{
    internal ReLU6(bool inplace) : base("ReLU6") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x limited to [0, 6].</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.relu6(tensor, inplace);
}

/// <summary>x above zero, negative_slope · x below.</summary>
public sealed class LeakyReLU : ParameterLessModule<Tensor, Tensor>
{
    internal LeakyReLU(double negative_slope, bool inplace) : base("LeakyReLU") => (this.negative_slope, this.inplace) = (negative_slope, inplace);

    /// <summary>The slope below zero.</summary>
    public double negative_slope { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x above zero, negative_slope · x below.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.leaky_relu(tensor, negative_slope, inplace);
}

/// <summary>leaky_relu with the mean of lower and upper as slope.</summary>
public sealed class RReLU : ParameterLessModule<Tensor, Tensor>
{
    internal RReLU(double lower, double upper, bool inplace) : base("RReLU") => (this.lower, this.upper, this.inplace) = (lower, upper, inplace);

    /// <summary>The smallest slope.</summary>
    public double lower { get; set; }

    /// <summary>The largest slope.</summary>
    public double upper { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>leaky_relu with the mean of lower and upper as slope.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.rrelu(tensor, lower, upper, inplace);
}

/// <summary>x above zero, alpha · (exp(x) - 1) below.</summary>
public sealed class ELU : ParameterLessModule<Tensor, Tensor>
{
    internal ELU(double alpha, bool inplace) : base("ELU") => (this.alpha, this.inplace) = (alpha, inplace);

    /// <summary>The scale of the part below zero.</summary>
    public double alpha { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x above zero, alpha · (exp(x) - 1) below.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.elu(tensor, alpha, inplace);
}

/// <summary>max(0, x) + min(0, alpha · (exp(x / alpha) - 1)).</summary>
public sealed class CELU : ParameterLessModule<Tensor, Tensor>
{
    internal CELU(double alpha, bool inplace) : base("CELU") => (this.alpha, this.inplace) = (alpha, inplace);

    /// <summary>The scale of the part below zero.</summary>
    public double alpha { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>max(0, x) + min(0, alpha · (exp(x / alpha) - 1)).</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.celu(tensor, alpha, inplace);
}

/// <summary>elu with the self-normalizing constants.</summary>
public sealed class SELU : ParameterLessModule<Tensor, Tensor>
{
    internal SELU(bool inplace) : base("SELU") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>elu with the self-normalizing constants.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.selu(tensor, inplace);
}

/// <summary>x · sigmoid(x).</summary>
public sealed class SiLU : ParameterLessModule<Tensor, Tensor>
{
    internal SiLU(bool inplace) : base("SiLU") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x · sigmoid(x).</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.silu(tensor, inplace);

    /// <summary>"SiLU".</summary>
    public override string GetName() => "SiLU";
}

/// <summary>x · tanh(softplus(x)).</summary>
public sealed class Mish : ParameterLessModule<Tensor, Tensor>
{
    internal Mish(bool inplace) : base("Mish") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x · tanh(softplus(x)).</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.mish(tensor, inplace);
}

/// <summary>1 / (1 + exp(-x)).</summary>
public sealed class Sigmoid : ParameterLessModule<Tensor, Tensor>
{
    internal Sigmoid(bool inplace) : base("Sigmoid") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>1 / (1 + exp(-x)).</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.sigmoid(tensor, inplace);
}

/// <summary>log of sigmoid, without overflow.</summary>
public sealed class LogSigmoid : ParameterLessModule<Tensor, Tensor>
{
    internal LogSigmoid() : base("LogSigmoid") { }

    /// <summary>log of sigmoid, without overflow.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.logsigmoid(tensor);
}

/// <summary>Hyperbolic tangent.</summary>
public sealed class Tanh : ParameterLessModule<Tensor, Tensor>
{
    internal Tanh(bool inplace) : base("Tanh") => this.inplace = inplace;

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>Hyperbolic tangent.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.tanh(tensor, inplace);
}

/// <summary>x · Φ(x), Φ the normal distribution function or its tanh approximation.</summary>
public sealed class GELU : ParameterLessModule<Tensor, Tensor>
{
    /// <summary>How Φ is computed.</summary>
    public enum Approximate
    {
        /// <summary>By the error function.</summary>
        none,

        /// <summary>By tanh.</summary>
        tanh,
    }

    internal GELU(Approximate approximate, bool inplace) : base("GELU") => (this.approximate, this.inplace) = (approximate, inplace);

    /// <summary>How Φ is computed.</summary>
    public Approximate approximate { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>x · Φ(x).</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.gelu(tensor, approximate, inplace);
}
