using System.Globalization;

namespace TorchSharp;

/// <summary>How a tensor is written as text.</summary>
public enum TensorStringStyle
{
    /// <summary>Shape, dtype and device only.</summary>
    Metadata,

    /// <summary>Shape, dtype and device, then rows of numbers in columns.</summary>
    Julia,

    /// <summary>Numbers between nested square brackets.</summary>
    Numpy,

    /// <summary>An expression of C#.</summary>
    CSharp,

    /// <summary>The style of <see cref="torch.TensorStringStyle"/>.</summary>
    Default,
}

public static partial class torch
{
    private static TensorStringStyle _style = TensorStringStyle.Julia;

    /// <summary>The style of those who ask for none; Julia at the start.</summary>
    /// <exception cref="ArgumentException">Set to Default.</exception>
    public static TensorStringStyle TensorStringStyle
    {
        get => _style;
        set => _style = value != TensorStringStyle.Default ? value : throw new ArgumentException("The style cannot be set to 'Default'");
    }

    /// <summary>The style Julia.</summary>
    public const TensorStringStyle julia = TensorStringStyle.Julia;

    /// <summary>The style Numpy.</summary>
    public const TensorStringStyle numpy = TensorStringStyle.Numpy;

    /// <summary>The style CSharp.</summary>
    public const TensorStringStyle csharp = TensorStringStyle.CSharp;

    public partial class Tensor
    {
        /// <summary>Shape, dtype and device: <c>[2x3], type = Float32, device = cpu</c>.</summary>
        public override string ToString() => TensorText.Metadata(this);

        /// <summary>With disamb, in the style of <see cref="torch.TensorStringStyle"/>; without, shape, dtype and device.</summary>
        public string ToString(bool disamb, string? fltFormat = null, int? width = null, CultureInfo? cultureInfo = null, string? newLine = null) =>
            ToString(disamb ? TensorStringStyle.Default : TensorStringStyle.Metadata, fltFormat, width, cultureInfo, newLine);

        /// <summary>As text.</summary>
        /// <param name="style">How.</param>
        /// <param name="fltFormat">.NET format of floating-point numbers; "g5" where null.</param>
        /// <param name="width">Characters a line; 100 where null.</param>
        /// <param name="cultureInfo">For the decimal point; the current culture where null.</param>
        /// <param name="newLine">Between lines; the system's where null.</param>
        public string ToString(TensorStringStyle style, string? fltFormat = null, int? width = null, CultureInfo? cultureInfo = null, string? newLine = null)
        {
            var text = new TensorText(fltFormat ?? "g5", width ?? 100, cultureInfo ?? CultureInfo.CurrentCulture, newLine ?? Environment.NewLine);
            return (style == TensorStringStyle.Default ? torch.TensorStringStyle : style) switch
            {
                TensorStringStyle.Julia => text.Julia(this),
                TensorStringStyle.Numpy => text.Numpy(this),
                TensorStringStyle.CSharp => text.CSharp(this),
                _ => TensorText.Metadata(this),
            };
        }
    }
}
