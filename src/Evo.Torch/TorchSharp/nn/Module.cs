// nn.Module: a tree of named parameters, buffers and submodules. This file holds the tree and the ways to walk it.

using System.Diagnostics.CodeAnalysis;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>
        /// Base of all modules. Assign parameters, buffers and submodules to fields and call
        /// <see cref="RegisterComponents"/> at the end of the constructor, or register each by name.
        /// </summary>
        /// <remarks>
        /// A <see cref="Parameter"/> is known by its identity: registered under two names (a tied weight) it is one
        /// parameter, and <see cref="named_parameters"/> yields it once, under the first name.
        /// </remarks>
        public partial class Module : IDisposable
        {
            /// <summary>The submodules by name, in registration order.</summary>
            private protected readonly OrderedDictionary<string, Module> _internal_submodules = [];

            /// <summary>The buffers by name, each with whether <see cref="state_dict"/> includes it.</summary>
            private protected readonly OrderedDictionary<string, (Tensor, bool)> _internal_buffers = [];

            /// <summary>The parameters by name, in registration order.</summary>
            private protected readonly OrderedDictionary<string, Parameter> _internal_params = [];

            /// <summary>The name given to the constructor.</summary>
            private protected string? name;

            private bool _training = true;
            private bool _disposed;

            /// <summary>Makes an empty module.</summary>
            /// <param name="name">A name for messages; by habit the class's own.</param>
            protected Module(string name) => this.name = name;

            /// <summary>The name given to the constructor.</summary>
            public virtual string GetName() => string.IsNullOrEmpty(name) ? GetType().Name : name;

            /// <summary>True after <see cref="train"/> (the state of a new module), false after <see cref="eval"/>.</summary>
            public virtual bool training => _training;

            /// <summary>Sets training mode (dropout active) for this module and all below.</summary>
            /// <param name="train">False for evaluation mode.</param>
            public virtual void train(bool train = true)
            {
                _training = train;
                foreach (var child in children()) child.train(train);
            }

            /// <summary>Sets evaluation mode for this module and all below.</summary>
            public virtual void eval() => train(false);

            /// <summary>Calls <paramref name="fn"/> with each submodule, depth first, and last with this module.</summary>
            public virtual Module apply(Action<Module> fn)
            {
                foreach (var child in children()) child.apply(fn);
                fn(this);
                return this;
            }

            /// <summary>Drops the gradients of all parameters (or fills them with zeros).</summary>
            /// <param name="set_to_none">False keeps the gradients' memory and fills it with zeros.</param>
            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var parameter in parameters())
                {
                    using var gradient = parameter.grad;
                    if (gradient is null) continue;
                    if (set_to_none) parameter.grad = null;
                    else gradient.zero_();
                }
            }

            /// <summary>The parameters with their dotted names: own ones first, then each submodule's.</summary>
            /// <param name="recurse">False: only those registered on this module itself.</param>
            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
            {
                var seen = new HashSet<Parameter>(ReferenceEqualityComparer.Instance);
                foreach (var (key, parameter) in _internal_params)
                    if (!parameter.IsInvalid && seen.Add(parameter)) yield return (key, parameter);
                if (!recurse) yield break;
                foreach (var (prefix, child) in _internal_submodules)
                    foreach (var (key, parameter) in child.named_parameters(true))
                        if (seen.Add(parameter)) yield return ($"{prefix}.{key}", parameter);
            }

            /// <summary>The buffers with their dotted names: own ones first, then each submodule's.</summary>
            /// <param name="recurse">False: only those registered on this module itself.</param>
            /// <param name="include_nonpersistent">False leaves out the buffers that a state dict does not carry.</param>
            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
            {
                var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
                foreach (var (key, (buffer, persistent)) in _internal_buffers)
                    if (!buffer.IsInvalid && (persistent || include_nonpersistent) && seen.Add(buffer)) yield return (key, buffer);
                if (!recurse) yield break;
                foreach (var (prefix, child) in _internal_submodules)
                    foreach (var (key, buffer) in child.named_buffers(true, include_nonpersistent))
                        if (seen.Add(buffer)) yield return ($"{prefix}.{key}", buffer);
            }

            /// <summary>The direct submodules with their names.</summary>
            public virtual IEnumerable<(string name, Module module)> named_children() => _internal_submodules.Select(c => (c.Key, c.Value));

            /// <summary>All modules below this one with their dotted names, this one not included.</summary>
            public virtual IEnumerable<(string name, Module module)> named_modules()
            {
                foreach (var (key, child) in _internal_submodules) yield return (key, child);
                foreach (var (prefix, child) in _internal_submodules)
                    foreach (var (key, module) in child.named_modules()) yield return ($"{prefix}.{key}", module);
            }

            /// <summary>The parameters of <see cref="named_parameters"/>.</summary>
            public virtual IEnumerable<Parameter> parameters(bool recurse = true) => named_parameters(recurse).Select(p => p.parameter);

            /// <summary>The buffers of <see cref="named_buffers"/>.</summary>
            public virtual IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) =>
                named_buffers(recurse, include_nonpersistent).Select(b => b.buffer);

            /// <summary>The modules of <see cref="named_modules"/>.</summary>
            public virtual IEnumerable<Module> modules() => named_modules().Select(m => m.module);

            /// <summary>The modules of <see cref="named_children"/>.</summary>
            public virtual IEnumerable<Module> children() => named_children().Select(m => m.module);

            /// <summary>Whether a parameter of this dotted name exists.</summary>
            public virtual bool has_parameter(string target) => get_parameter(target) is not null;

            /// <summary>Whether a buffer of this dotted name exists.</summary>
            public virtual bool has_buffer(string target) => get_buffer(target) is not null;

            /// <summary>The parameter of this dotted name, or null.</summary>
            public virtual Parameter? get_parameter(string target)
            {
                if (_internal_params.TryGetValue(target, out var parameter)) return parameter;
                return Descend(target, out var child, out var rest) ? child.get_parameter(rest) : null;
            }

            /// <summary>The buffer of this dotted name, or null.</summary>
            public virtual Tensor? get_buffer(string target)
            {
                if (_internal_buffers.TryGetValue(target, out var entry)) return entry.Item1;
                return Descend(target, out var child, out var rest) ? child.get_buffer(rest) : null;
            }

            private bool Descend(string target, [NotNullWhen(true)] out Module? child, out string rest)
            {
                var dot = target.IndexOf('.');
                rest = dot < 0 ? "" : target[(dot + 1)..];
                child = null;
                if (dot < 0) return false;
                child = named_children().FirstOrDefault(c => c.name == target[..dot]).module;
                return child is not null;
            }

            /// <summary>Frees the parameters and buffers of this module and of all below.</summary>
            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>Frees the native tensors when called from <see cref="Dispose()"/>; once only.</summary>
            protected virtual void Dispose(bool disposing)
            {
                if (!disposing || _disposed) return;
                _disposed = true;
                foreach (var (_, parameter) in _internal_params) parameter.DetachFromDisposeScope().Dispose();
                foreach (var (_, (buffer, _)) in _internal_buffers) buffer.DetachFromDisposeScope().Dispose();
                foreach (var (_, child) in _internal_submodules) child.Dispose();
            }

            /// <summary>Does nothing: tensors free themselves.</summary>
            ~Module() => Dispose(false);
        }
    }
}
