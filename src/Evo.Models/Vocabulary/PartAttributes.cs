namespace Evo.Models;

/// <summary>
/// A part of a model: a partial method whose body the generator writes. Sizes are expressions over the record's properties:
/// names, whole numbers, <c>+ - * / ( )</c>, and <c>Sqrt</c> where a fraction is meant.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public abstract class PartAttribute : Attribute;

/// <summary>Runs a layer record <paramref name="count"/> times: <c>Tensor Layers(Tensor x, Positions at)</c>.</summary>
public sealed class LayersAttribute(Type layer, string count) : PartAttribute
{
    /// <summary>The layer's record.</summary>
    public Type Layer => layer;

    /// <summary>How many.</summary>
    public string Count => count;
}

/// <summary>A table indexed by whole numbers: ids [B, T] → [B, T, width]. Weight [rows, width].</summary>
public sealed class EmbeddingAttribute(string rows, string width) : PartAttribute
{
    /// <summary>Rows of the table.</summary>
    public string Rows => rows;

    /// <summary>Width of a row.</summary>
    public string Width => width;

    /// <summary>Standard deviation of its start, or empty for the model's.</summary>
    public string Init { get; init; } = "";
}

/// <summary>The output head: final hidden states [B, T, width] → logits [B, T, rows]. Weight [rows, width].</summary>
public sealed class HeadAttribute(string width, string rows) : PartAttribute
{
    /// <summary>Width of a hidden state.</summary>
    public string Width => width;

    /// <summary>Entries of the vocabulary.</summary>
    public string Rows => rows;

    /// <summary>The embedding whose table is the head's weight where <see cref="Tied"/> holds.</summary>
    public string TiedTo { get; init; } = "";

    /// <summary>Boolean property that ties the head.</summary>
    public string Tied { get; init; } = "";

    /// <summary>
    /// "true", "false" or a boolean property: whether each row of the weight is divided by its length at every use, so that
    /// logits measure directions only (Baichuan2's NormHead).
    /// </summary>
    public string Normalized { get; init; } = "false";

    /// <summary>Standard deviation of its start, or empty for the model's.</summary>
    public string Init { get; init; } = "";
}

/// <summary>
/// A linear map whose outputs may be split over devices: [B, T, input] → [B, T, outputs…]. Weight [product of outputs, input].
/// Several output sizes give the result their shape.
/// </summary>
public sealed class ColumnAttribute(string input, params string[] outputs) : PartAttribute
{
    /// <summary>Input width.</summary>
    public string Input => input;

    /// <summary>Output sizes.</summary>
    public IReadOnlyList<string> Outputs => outputs;

    /// <summary>"true", "false" or a boolean property.</summary>
    public string Bias { get; init; } = "false";

    /// <summary>Standard deviation of its start, or empty for the model's.</summary>
    public string Init { get; init; } = "";
}

/// <summary>
/// A linear map whose inputs may be split over devices: [B, T, input] or [B, T, heads, size] → [B, T, output]. Weight
/// [output, input].
/// </summary>
public sealed class RowAttribute(string input, string output) : PartAttribute
{
    /// <summary>Input width, heads times size where they come apart.</summary>
    public string Input => input;

    /// <summary>Output width.</summary>
    public string Output => output;

    /// <summary>"true", "false" or a boolean property.</summary>
    public string Bias { get; init; } = "false";

    /// <summary>Standard deviation of its start, or empty for the model's.</summary>
    public string Init { get; init; } = "";
}

/// <summary>
/// A linear map that stays whole on every device, for outputs too few to split: [B, T, input] → [B, T, outputs…]. Weight
/// [product of outputs, input].
/// </summary>
public sealed class LinearAttribute(string input, params string[] outputs) : PartAttribute
{
    /// <summary>Input width.</summary>
    public string Input => input;

    /// <summary>Output sizes.</summary>
    public IReadOnlyList<string> Outputs => outputs;

    /// <summary>"true", "false" or a boolean property.</summary>
    public string Bias { get; init; } = "false";

    /// <summary>Standard deviation of its start, or empty for the model's.</summary>
    public string Init { get; init; } = "";
}

/// <summary>Root mean square norm over the last axis with a gain.</summary>
public sealed class RmsNormAttribute(string width, string epsilon) : PartAttribute
{
    /// <summary>Width of the axis.</summary>
    public string Width => width;

    /// <summary>Added to the mean square.</summary>
    public string Epsilon => epsilon;

    /// <summary>"true", "false" or a boolean property: whether the gain is one plus the weight, which then starts at zero.</summary>
    public string Offset { get; init; } = "false";
}

/// <summary>Mean and variance norm over the last axis with gain and bias.</summary>
public sealed class LayerNormAttribute(string width, string epsilon) : PartAttribute
{
    /// <summary>Width of the axis.</summary>
    public string Width => width;

    /// <summary>Added to the variance.</summary>
    public string Epsilon => epsilon;

    /// <summary>"true", "false" or a boolean property.</summary>
    public string Bias { get; init; } = "true";
}

/// <summary>Rotary position: <c>Tensor Rotate(Tensor x_BTHD, Positions at)</c>, halves of a head turned against each other.</summary>
public sealed class RopeAttribute(string headSize, string theta) : PartAttribute
{
    /// <summary>Width of a head; even.</summary>
    public string HeadSize => headSize;

    /// <summary>Base of the frequencies.</summary>
    public string Theta => theta;

    /// <summary>Property of type <see cref="RopeScaling"/>, or empty.</summary>
    public string Scaling { get; init; } = "";

    /// <summary>Longest sequence of the original model; dynamic scaling starts beyond it.</summary>
    public string MaxPositions { get; init; } = "0";
}

/// <summary>
/// Causal attention: <c>Tensor Attend(Tensor q_BTHD, Tensor k_BTKD, Tensor v_BTKD, Positions at)</c> → [B, T, H, D]. Reads
/// and fills the cache of <c>at</c>, and keeps packed sequences apart.
/// </summary>
public sealed class AttentionAttribute(string heads, string kvHeads, string headSize) : PartAttribute
{
    /// <summary>Query heads.</summary>
    public string Heads => heads;

    /// <summary>Key and value heads; each serves heads / kvHeads query heads.</summary>
    public string KvHeads => kvHeads;

    /// <summary>Width of a head.</summary>
    public string HeadSize => headSize;

    /// <summary>Factor of the scores; empty for 1 / √headSize.</summary>
    public string Scale { get; init; } = "";

    /// <summary>Share of attention weights dropped in training.</summary>
    public string Dropout { get; init; } = "0";

    /// <summary>
    /// Tokens that a query sees at most, its own among them; 0 for all. A property of the layer may make it depend on the index.
    /// </summary>
    public string Window { get; init; } = "0";

    /// <summary>
    /// "true", "false" or a boolean property: whether scores fall with distance, each head by a slope of its own (ALiBi).
    /// </summary>
    public string Alibi { get; init; } = "false";
}

/// <summary>In training, zeroes a share of the values and scales the rest up; otherwise nothing.</summary>
public sealed class DropoutAttribute(string probability) : PartAttribute
{
    /// <summary>The share.</summary>
    public string Probability => probability;
}
