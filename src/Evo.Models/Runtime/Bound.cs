namespace Evo.Models;

/// <summary>
/// The module that a spec's copy computes with. It takes no part in the equality of records: two specs are equal when their
/// numbers are.
/// </summary>
/// <typeparam name="T">The module.</typeparam>
public readonly struct Bound<T>(T? module) : IEquatable<Bound<T>> where T : class
{
    /// <summary>The module, where there is one.</summary>
    /// <exception cref="InvalidOperationException">The record is a description only.</exception>
    public T Module => module ?? throw new InvalidOperationException(
        "this record only describes a model and holds no weights: Build() makes a module whose forward can be called");

    /// <inheritdoc/>
    public bool Equals(Bound<T> other) => true;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Bound<T>;

    /// <inheritdoc/>
    public override int GetHashCode() => 0;
}
