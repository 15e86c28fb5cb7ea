// nn.Module: how parameters, buffers and submodules come to be known by name.

using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public partial class Module
        {
            private bool _areComponentsRegistered;

            /// <summary>Registers a parameter; it leaves its dispose scope, for the module owns it now.</summary>
            /// <param name="name">Without a dot; not in use.</param>
            /// <param name="param">Null removes the name.</param>
            /// <exception cref="ArgumentException">The name is empty or has a dot.</exception>
            /// <exception cref="InvalidOperationException">The name is in use.</exception>
            public virtual void register_parameter(string name, Parameter? param)
            {
                if (param is null || param.IsInvalid)
                {
                    _internal_params.Remove(name);
                    return;
                }
                RequireFree(name, "Parameter");
                param.DetachFromDisposeScope();
                _internal_params.Add(name, param);
            }

            /// <summary>Registers a buffer: a tensor that moves and is saved with the module but is not trained.</summary>
            /// <param name="name">Without a dot; not in use.</param>
            /// <param name="tensor">Null removes the name.</param>
            /// <param name="persistent">False leaves it out of the state dict.</param>
            /// <exception cref="ArgumentException">The name is empty or has a dot.</exception>
            /// <exception cref="InvalidOperationException">The name is in use.</exception>
            public virtual void register_buffer(string name, Tensor? tensor, bool persistent = true)
            {
                if (tensor is null || tensor.IsInvalid)
                {
                    _internal_buffers.Remove(name);
                    return;
                }
                RequireFree(name, "Buffer");
                tensor.DetachFromDisposeScope();
                _internal_buffers.Add(name, (tensor, persistent));
            }

            /// <summary>Registers a submodule.</summary>
            /// <param name="name">Without a dot; not in use.</param>
            /// <param name="submodule">Null removes the name.</param>
            /// <exception cref="ArgumentException">The name is empty or has a dot.</exception>
            /// <exception cref="InvalidOperationException">The name is in use.</exception>
            public virtual void register_module(string name, Module? submodule)
            {
                if (submodule is null)
                {
                    _internal_submodules.Remove(name);
                    return;
                }
                RequireFree(name, "Sub-module");
                submodule.RegisterComponents();
                _internal_submodules.Add(name, submodule);
            }

            /// <summary>The same as <see cref="register_module"/>.</summary>
            public void add_module(string name, Module? module) => register_module(name, module);

            /// <summary>Registers, replaces, or (null) removes a parameter.</summary>
            protected void ConditionallyRegisterParameter(string name, Tensor? value) =>
                ConditionallyRegisterParameter(name, value as Parameter ?? (value is null ? null : new Parameter(value)));

            /// <summary>Registers, replaces, or (null) removes a parameter.</summary>
            protected void ConditionallyRegisterParameter(string name, Parameter? value)
            {
                if (value is null) _internal_params.Remove(name);
                else _internal_params[name] = (Parameter)value.DetachFromDisposeScope();
            }

            /// <summary>Registers, replaces, or (null) removes a buffer.</summary>
            protected void ConditionallyRegisterBuffer(string name, Tensor? value, bool persistent = true)
            {
                if (value is null) _internal_buffers.Remove(name);
                else _internal_buffers[name] = (value.DetachFromDisposeScope(), persistent);
            }

            /// <summary>
            /// Registers every field that holds a module, parameter or tensor under the field's name (or the name of its
            /// <see cref="ComponentNameAttribute"/>), unless that name is registered. Does its work once.
            /// </summary>
            protected virtual void RegisterComponents()
            {
                if (_areComponentsRegistered) return;
                foreach (var field in FieldsOf(GetType()))
                {
                    var key = field.GetCustomAttribute<ComponentNameAttribute>()?.Name ?? field.Name;
                    if (_internal_submodules.ContainsKey(key) || _internal_params.ContainsKey(key) || _internal_buffers.ContainsKey(key)) continue;
                    switch (field.GetValue(this))
                    {
                        case Module module: register_module(key, module); break;
                        case Parameter parameter: register_parameter(key, parameter); break;
                        case Tensor tensor: register_buffer(key, tensor); break;
                    }
                }
                _areComponentsRegistered = true;
            }

            /// <summary>The parameters registered on this module itself.</summary>
            protected virtual (string name, Parameter parameter)[] _named_parameters() => named_parameters(false).ToArray();

            /// <summary>The buffers registered on this module itself.</summary>
            protected virtual (string name, Tensor buffer)[] _named_buffers() => named_buffers(false).ToArray();

            /// <summary>The parameters of this module, and (recurse) of all below.</summary>
            protected virtual Parameter[] _parameters(bool recurse = true) => parameters(recurse).ToArray();

            /// <summary>Forgets all submodules.</summary>
            protected void ClearModules() => _internal_submodules.Clear();

            private void RequireFree(string name, string kind)
            {
                if (string.IsNullOrEmpty(name)) throw new ArgumentException($"{kind} name can't be empty string \"\"", nameof(name));
                if (name.Contains('.')) throw new ArgumentException($"{kind} name can't contain \".\", got: {name}", nameof(name));
                if (_internal_submodules.ContainsKey(name) || _internal_params.ContainsKey(name) || _internal_buffers.ContainsKey(name))
                    throw new InvalidOperationException($"{kind} {name} is already registered.");
            }

            private static IEnumerable<FieldInfo> FieldsOf(Type type)
            {
                var seen = new HashSet<string>();
                for (var level = type; level is not null && level != typeof(Module); level = level.BaseType)
                    foreach (var field in level.GetFields(BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
                        if (seen.Add(field.Name)) yield return field;
            }
        }
    }
}
