namespace Evo.Models;

/// <summary>Marks a record as the description of a model family; the generator compiles it.</summary>
/// <param name="name">Name that <c>model_type</c> of a run's config selects, InternEvo's where it has the family.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ModelAttribute(string name) : Attribute
{
    /// <summary>Name in a run's config.</summary>
    public string Name => name;

    /// <summary>Class name in <c>architectures</c> of a config.json.</summary>
    public string HuggingFace { get; init; } = "";

    /// <summary><c>model_type</c> of a config.json.</summary>
    public string ModelType { get; init; } = "";

    /// <summary>Standard deviation of weights that say nothing else, as an expression over the record's properties.</summary>
    public string InitStd { get; init; } = "0.02";
}

/// <summary>
/// On a property: its key in config.json. On a part: its name in a checkpoint, without <c>.weight</c> and <c>.bias</c>; in a
/// layer relative to the layer's, and on the layers with <c>{layer}</c> where the index stands. A key <c>a.b</c> is <c>b</c> of the
/// object <c>a</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Method)]
public sealed class HfAttribute(string name) : Attribute
{
    /// <summary>Key or name.</summary>
    public string Name => name;

    /// <summary>On a linear map: the file holds the weight as [in, out].</summary>
    public bool Transposed { get; init; }
}

/// <summary>The key of a property in the <c>model</c> section of a run's config, InternEvo's name where it has the thing.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RunKeyAttribute(string name) : Attribute
{
    /// <summary>Key.</summary>
    public string Name => name;

    /// <summary>True where a run must give it.</summary>
    public bool Required { get; init; }

    /// <summary>Default in a run's config where it is not the property's own (which is config.json's).</summary>
    public object? Default { get; init; }
}

/// <summary>
/// A width that a run may give as a ratio of another: the property is <c>int(of × ratio)</c> rounded up to a multiple.
/// </summary>
/// <param name="key">Key of the ratio, e.g. <c>mlp_ratio</c>.</param>
/// <param name="of">Property that the ratio multiplies.</param>
/// <param name="multipleKey">Key of the multiple, e.g. <c>multiple_of</c>; empty where the product is taken as it is.</param>
/// <param name="multiple">Its default.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class RatioAttribute(string key, string of, string multipleKey, int multiple) : Attribute
{
    /// <summary>Key of the ratio.</summary>
    public string Key => key;

    /// <summary>Property that the ratio multiplies.</summary>
    public string Of => of;

    /// <summary>Key of the multiple.</summary>
    public string MultipleKey => multipleKey;

    /// <summary>Default multiple.</summary>
    public int Multiple => multiple;

    /// <summary>The ratio of a run that gives neither width nor ratio.</summary>
    public double Usual { get; init; } = ConfigReader.UsualRatio;
}

/// <summary>The texts that a property may hold; others are refused by name.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OneOfAttribute(params string[] values) : Attribute
{
    /// <summary>Legal texts.</summary>
    public IReadOnlyList<string> Values => values;
}

/// <summary>The smallest number that a whole property may hold, where it is not one.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class LeastAttribute(int value) : Attribute
{
    /// <summary>The number.</summary>
    public int Value => value;
}

/// <summary>A rule of the family: one size divides another.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class DividesAttribute(string divisor, string dividend) : Attribute
{
    /// <summary>Expression that must divide.</summary>
    public string Divisor => divisor;

    /// <summary>Expression that must be divided.</summary>
    public string Dividend => dividend;

    /// <summary>Property whose presence lifts the rule, or empty.</summary>
    public string Unless { get; init; } = "";

    /// <summary>Why, for the error's reader.</summary>
    public string Because { get; init; } = "";
}

/// <summary>
/// The model must split so many ways in a mode, as its record starts: where it does not, it does not compile, and is told
/// which degrees there are.
/// </summary>
/// <param name="mode">mtp, msp, fsp or isp.</param>
/// <param name="degree">Ranks of the tensor axis.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class DegreeAttribute(string mode, int degree) : Attribute
{
    /// <summary>The mode.</summary>
    public string Mode => mode;

    /// <summary>Ranks of the tensor axis.</summary>
    public int Degree => degree;
}

/// <summary>A key of config.json that may hold one value only: every other is refused by name.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class HfOnlyAttribute(string key, object value) : Attribute
{
    /// <summary>Key.</summary>
    public string Key => key;

    /// <summary>The one legal value: a bool, a number, a text, or the name of an integer property after <c>=</c>.</summary>
    public object Value => value;

    /// <summary>Why, for the error's reader.</summary>
    public string Because { get; init; } = "";
}

/// <summary>A key of config.json that changes nothing about what the model computes; it is kept and written again.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class HfNeutralAttribute(string key) : Attribute
{
    /// <summary>Key.</summary>
    public string Key => key;

    /// <summary>Why it is neutral.</summary>
    public string Because { get; init; } = "";
}
