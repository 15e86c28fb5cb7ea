using System.Globalization;
using System.Text;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// Who saves at a place in an object store: the run that began last. An object says which; a run that finds another's name there
/// stops saving. So nobody waits for a run that was killed, and no clocks are compared.
/// </summary>
/// <param name="bucket">The bucket.</param>
/// <param name="at">The place in it.</param>
internal sealed class ObjectOwner(Bucket bucket, ObjectAddress at)
{
    private string? own;

    private string Key => at.Key(".owner");

    /// <summary>From now on this run saves here.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal void Take()
    {
        own = string.Create(
            CultureInfo.InvariantCulture,
            $"process {Environment.ProcessId} on {Environment.MachineName}, begun {DateTime.UtcNow:yyyy-MM-dd HH:mm:ss} UTC, {Guid.NewGuid():N}");
        bucket.Put(Key, Encoding.UTF8.GetBytes(own));
    }

    /// <summary>Whether this run may change what is here: nobody else began later, or it never took the place, as those that only look or tidy up.</summary>
    /// <exception cref="DataException">The store refuses.</exception>
    internal bool Holds() => Other() is null;

    /// <summary>Goes on only where this run <see cref="Holds"/> the place.</summary>
    /// <exception cref="DataException">Another run has it; or the store refuses.</exception>
    internal void Require()
    {
        if (Other() is { } other)
        {
            throw new DataException(
                at.ToString(), $"another run saves here now ({other})", "one run saves at a place, the one that began last",
                "give one of them another ckpt.save_ckpt_folder");
        }
    }

    private string? Other()
    {
        if (own is null || bucket.Read(Key) is not { } bytes)
        {
            return null;
        }

        var found = Encoding.UTF8.GetString(bytes);
        return found == own ? null : found.Split(", ") is [var process, var begun, _] ? $"{process}, {begun}" : "of unknown name";
    }
}
