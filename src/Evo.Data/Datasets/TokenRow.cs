namespace Evo.Data;

/// <summary>One row of training data, P tokens long: what one micro-batch of packed training reads.</summary>
public sealed class TokenRow
{
    /// <summary>The label of a token that is not learned.</summary>
    public const int Ignored = -100;

    /// <summary>[P] Ids that the model reads, all non-negative.</summary>
    public required int[] Tokens { get; init; }

    /// <summary>[P] The id that should follow each token, or <see cref="Ignored"/>.</summary>
    public required int[] Labels { get; init; }

    /// <summary>[P] The place of each token in its segment: 0 where a segment begins.</summary>
    public required int[] Positions { get; init; }

    /// <summary>Where segments begin, strictly increasing from 0 to P: attention does not cross them.</summary>
    public required int[] CuSeqlens { get; init; }

    /// <summary>[P] The type of each token's document, an index into the data set's types.</summary>
    public required int[] Types { get; init; }

    /// <summary>How many labels are learned.</summary>
    public int LabelCount => Labels.Length - Labels.AsSpan().Count(Ignored);
}
