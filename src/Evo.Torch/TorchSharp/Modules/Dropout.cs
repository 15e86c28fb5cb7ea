// Modules: dropout in its kinds. All do nothing in evaluation mode.

using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Zero with probability p in training, else times 1 / (1 - p).</summary>
public sealed class Dropout : ParameterLessModule<Tensor, Tensor>
{
    internal Dropout(double p, bool inplace) : base("Dropout") => (this.p, this.inplace) = (p, inplace);

    /// <summary>The probability of a zero.</summary>
    public double p { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>Zero with probability p in training, else times 1 / (1 - p).</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.dropout(tensor, p, training, inplace);
}

/// <summary>Dropout of whole channels of [N, C, L].</summary>
public sealed class Dropout1d : ParameterLessModule<Tensor, Tensor>
{
    internal Dropout1d(double p, bool inplace) : base("Dropout1d") => (this.p, this.inplace) = (p, inplace);

    /// <summary>The probability of a zero.</summary>
    public double p { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>Dropout of whole channels of [N, C, L].</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.dropout1d(tensor, p, training, inplace);
}

/// <summary>Dropout of whole channels of [N, C, H, W].</summary>
public sealed class Dropout2d : ParameterLessModule<Tensor, Tensor>
{
    internal Dropout2d(double p, bool inplace) : base("Dropout2d") => (this.p, this.inplace) = (p, inplace);

    /// <summary>The probability of a zero.</summary>
    public double p { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>Dropout of whole channels of [N, C, H, W].</summary>
    public override Tensor forward(Tensor input) => nn.functional.dropout2d(input, p, training, inplace);
}

/// <summary>Dropout of whole channels of [N, C, D, H, W].</summary>
public sealed class Dropout3d : ParameterLessModule<Tensor, Tensor>
{
    internal Dropout3d(double p, bool inplace) : base("Dropout3d") => (this.p, this.inplace) = (p, inplace);

    /// <summary>The probability of a zero.</summary>
    public double p { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>Dropout of whole channels of [N, C, D, H, W].</summary>
    public override Tensor forward(Tensor input) => nn.functional.dropout3d(input, p, training, inplace);
}

/// <summary>Dropout that keeps mean and variance of selu networks.</summary>
public sealed class AlphaDropout : ParameterLessModule<Tensor, Tensor>
{
    internal AlphaDropout(double p, bool inplace) : base("AlphaDropout") => (this.p, this.inplace) = (p, inplace);

    /// <summary>The probability of a zero.</summary>
    public double p { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>Dropout that keeps mean and variance of selu networks.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.alpha_dropout(tensor, p, training, inplace);
}

/// <summary>Alpha dropout of whole channels.</summary>
public sealed class FeatureAlphaDropout : ParameterLessModule<Tensor, Tensor>
{
    internal FeatureAlphaDropout(double p, bool inplace) : base("FeatureAlphaDropout") => (this.p, this.inplace) = (p, inplace);

    /// <summary>The probability of a zero.</summary>
    public double p { get; set; }

    /// <summary>Whether the input itself is changed.</summary>
    public bool inplace { get; set; }

    /// <summary>Alpha dropout of whole channels.</summary>
    public override Tensor forward(Tensor input) => nn.functional.feature_alpha_dropout(input, p, training, inplace);
}
